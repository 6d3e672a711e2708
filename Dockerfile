# syntax=docker/dockerfile:1
# cosell in an image that holds the program, the system's certificates and the C library: no shell, no package manager.
#   docker build -t cosell .                              the default build
#   docker build -t cosell --build-arg FEATURES=otlp .    with traces; several features are separated by commas
# How it is run: docs/deployment.md.

ARG RUST_VERSION=1.95

FROM docker.io/library/rust:${RUST_VERSION}-slim-bookworm AS build
ARG FEATURES=""
WORKDIR /src
COPY . .
# The caches keep what was downloaded and compiled for the next build; the layer keeps the program only.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked --package cosell --features "${FEATURES}" \
    && install -D -m 0755 target/release/cosell /out/usr/local/bin/cosell \
    && install -d -m 0700 /out/var/lib/cosell

FROM gcr.io/distroless/cc-debian12:nonroot
LABEL org.opencontainers.image.title="cosell" \
      org.opencontainers.image.description="A self-hosted server of the AWS Partner Central Selling API. Unofficial; not affiliated with AWS." \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /out/usr/local/bin/cosell /usr/local/bin/cosell
# The folder belongs to the image's user, so that a new volume does too.
COPY --from=build --chown=65532:65532 /out/var/lib/ /var/lib/
ENV COSELL_DATA=/var/lib/cosell \
    COSELL_LISTEN=0.0.0.0:7733 \
    COSELL_LOG_FORMAT=json
USER 65532:65532
WORKDIR /var/lib/cosell
VOLUME /var/lib/cosell
EXPOSE 7733
# SIGTERM has the server answer what is under way, for at most 20 seconds (COSELL_SHUTDOWN_TIMEOUT), before it ends.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=1h --retries=3 CMD ["/usr/local/bin/cosell", "ready"]
ENTRYPOINT ["/usr/local/bin/cosell"]
CMD ["serve"]
