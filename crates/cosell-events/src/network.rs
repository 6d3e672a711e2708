//! Which addresses a target may be at. The server sits inside a network that strangers' targets must not reach through it.
//!
//! Must never let an address through that it does not know to be public or allowed: what is unclear is refused.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// The machine itself.
const LOOPBACK: [IpNet; 2] = [
    IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(127, 0, 0, 0), 8)),
    IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::LOCALHOST, 128)),
];

/// What the server allows besides public addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Network {
    /// Networks that are allowed whatever they are, such as `127.0.0.0/8` in a development server. What lies in them may
    /// be reached without TLS too.
    pub allowed: Vec<IpNet>,
}

/// How an address may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// On the list of allowed networks: with TLS or without.
    Allowed,
    /// A public address: with TLS only.
    Public,
    /// Not at all.
    Refused,
}

impl Network {
    /// A network that allows loopback besides public addresses, for development servers.
    pub fn development() -> Self {
        Self {
            allowed: LOOPBACK.to_vec(),
        }
    }

    /// How an address may be used.
    pub fn admit(&self, address: IpAddr) -> Admission {
        // What is one address in two spellings is judged in the plainer one.
        let address = address.to_canonical();
        if self.allowed.iter().any(|network| network.contains(&address)) {
            return Admission::Allowed;
        }
        let public = match address {
            IpAddr::V4(address) => is_public_v4(address),
            IpAddr::V6(address) => is_public_v6(address),
        };
        if public {
            Admission::Public
        } else {
            Admission::Refused
        }
    }
}

/// Whether the IANA special-purpose registry leaves a version 4 address to the public Internet.
fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !(a == 0
        || a == 10
        || a == 127
        || a >= 224
        || (a == 100 && (64..128).contains(&b))
        || (a == 169 && b == 254)
        || (a == 172 && (16..32).contains(&b))
        || (a == 192 && b == 0 && (c == 0 || c == 2))
        || (a == 192 && b == 88 && c == 99)
        || (a == 192 && b == 168)
        || (a == 198 && (b == 18 || b == 19))
        || (a == 198 && b == 51 && c == 100)
        || (a == 203 && b == 0 && c == 113)
        // The platform address of a large cloud: its metadata and agents.
        || address == Ipv4Addr::new(168, 63, 129, 16))
}

/// Whether a version 6 address is one of the public Internet: global unicast, without tunnels and without addresses that
/// lead to a version 4 address of another kind.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    match segments {
        // Translation to version 4 (RFC 6052): what counts is where it leads.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            let [[a, b], [c, d]] = [high.to_be_bytes(), low.to_be_bytes()];
            is_public_v4(Ipv4Addr::new(a, b, c, d))
        }
        // 6to4, Teredo and other protocol assignments, documentation.
        [0x2002, ..] | [0x2001, 0xdb8, ..] => false,
        [0x2001, second, ..] if second < 0x200 => false,
        [0x3fff, second, ..] if second < 0x1000 => false,
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_addresses_are_admitted() {
        for (address, public) in [
            ("8.8.8.8", true),
            ("52.94.76.10", true),
            ("100.63.255.255", true),
            ("100.64.0.1", false),
            ("100.128.0.1", true),
            ("0.0.0.0", false),
            ("10.1.2.3", false),
            ("127.0.0.1", false),
            ("127.8.8.8", false),
            ("169.254.169.254", false),
            ("169.254.170.2", false),
            ("168.63.129.16", false),
            ("172.15.0.1", true),
            ("172.16.0.1", false),
            ("172.31.255.255", false),
            ("172.32.0.1", true),
            ("192.0.0.192", false),
            ("192.168.1.1", false),
            ("198.18.0.1", false),
            ("203.0.113.9", false),
            ("224.0.0.1", false),
            ("255.255.255.255", false),
            ("2600:1f18::1", true),
            ("2a00:1450::1", true),
            ("::", false),
            ("::1", false),
            ("::ffff:10.0.0.1", false),
            ("::ffff:8.8.8.8", true),
            ("::10.0.0.1", false),
            ("64:ff9b::a00:1", false),
            ("64:ff9b::a9fe:a9fe", false),
            ("64:ff9b::808:808", true),
            ("64:ff9b:1::808:808", false),
            ("fc00::1", false),
            ("fd00:ec2::254", false),
            ("fe80::1", false),
            ("fec0::1", false),
            ("ff02::1", false),
            ("2002:a00:1::1", false),
            ("2001::1", false),
            ("2001:db8::1", false),
            ("2001:4860:4860::8888", true),
        ] {
            let wanted = if public {
                Admission::Public
            } else {
                Admission::Refused
            };
            assert_eq!(
                Network::default().admit(address.parse().unwrap()),
                wanted,
                "{address}"
            );
        }
    }

    #[test]
    fn allowed_networks_come_first_in_every_spelling_of_an_address() {
        let network = Network::development();
        for address in ["127.0.0.1", "::1", "::ffff:127.0.0.1"] {
            assert_eq!(
                network.admit(address.parse().unwrap()),
                Admission::Allowed,
                "{address}"
            );
        }
        assert_eq!(network.admit("10.0.0.1".parse().unwrap()), Admission::Refused);
    }
}
