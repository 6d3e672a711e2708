"""Requests signed by hand, as small clients do it: for what the SDKs never send."""

import datetime
import hashlib
import hmac
import http.client
import json
import urllib.parse

from harness import ONE, REGION, SERVICE, Account


def _hmac(key: bytes, message: str) -> bytes:
    return hmac.new(key, message.encode(), hashlib.sha256).digest()


def sign(host: str, path: str, headers: dict, body: bytes, account: Account, now: datetime.datetime) -> dict:
    """The headers to send: those given and Host, X-Amz-Date and Authorization, all of them signed but Authorization."""
    stamp = now.strftime("%Y%m%dT%H%M%SZ")
    headers = {**headers, "Host": host, "X-Amz-Date": stamp}
    canonical = sorted((name.lower(), value.strip()) for name, value in headers.items())
    names = ";".join(name for name, _ in canonical)
    request = "\n".join(
        ["POST", path, "", *(f"{name}:{value}" for name, value in canonical), "", names]
        + [hashlib.sha256(body).hexdigest()]
    )
    scope = f"{stamp[:8]}/{REGION}/{SERVICE}/aws4_request"
    to_sign = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(request.encode()).hexdigest()])
    key = f"AWS4{account.secret}".encode()
    for part in scope.split("/"):
        key = _hmac(key, part)
    signature = hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()
    headers["Authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={account.key}/{scope}, SignedHeaders={names}, Signature={signature}"
    )
    return headers


class Answer:
    """An HTTP answer, read whole."""

    def __init__(self, response: http.client.HTTPResponse):
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.body = response.read()

    @property
    def json(self) -> dict:
        return json.loads(self.body)


def post(endpoint: str, path: str, headers: dict, body, account: Account = ONE, now=None) -> Answer:
    """Posts a signed body, which is encoded unless it is bytes already."""
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()
    host = urllib.parse.urlsplit(endpoint).netloc
    now = now or datetime.datetime.now(datetime.timezone.utc)
    connection = http.client.HTTPConnection(host, timeout=30)
    try:
        connection.request("POST", path, body, sign(host, path, headers, body, account, now))
        return Answer(connection.getresponse())
    finally:
        connection.close()


def call(endpoint: str, operation: str, body, account: Account = ONE) -> Answer:
    """The protocol of the SDKs: the operation is in X-Amz-Target."""
    headers = {
        "Content-Type": "application/x-amz-json-1.0",
        "X-Amz-Target": f"AWSPartnerCentralSelling.{operation}",
    }
    return post(endpoint, "/", headers, body, account)


def call_path(endpoint: str, operation: str, body, account: Account = ONE) -> Answer:
    """The protocol of AWS's Postman collection: the operation is the path."""
    return post(endpoint, f"/{operation}", {"Content-Type": "application/json"}, body, account)
