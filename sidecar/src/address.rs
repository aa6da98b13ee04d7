//! Which addresses the sidecar may connect to. What a tenant or a stranger's document names must not lead
//! into the operator's network.

use std::error::Error as StdError;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

/// Why an address is not connected to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Forbidden {
    /// Not an address at all.
    #[error("it is not an address")]
    Unreadable,
    /// Clear text, except on loopback.
    #[error("it must begin with https: (http: is for loopback only)")]
    Scheme,
    /// Media come from the standard port only.
    #[error("it must use port 443")]
    Port,
    /// `user:password@`.
    #[error("it must not carry a user name or password")]
    UserInfo,
    /// `?query` or `#fragment` where only a base is wanted.
    #[error("it must not have a query or a fragment")]
    Extra,
    /// A number instead of a name, which no resolver could check.
    #[error("it must name a host, not an IP address")]
    Literal,
    /// Every address of the host is private.
    #[error("the host has no public address")]
    Private,
}

/// Checks an address that a tenant or a stranger wrote: https, port 443, the name of a host that is not this one.
pub(crate) fn check_public(url: &str) -> Result<Url, Forbidden> {
    let url = parse(url)?;
    if url.scheme() != "https" {
        return Err(Forbidden::Scheme);
    }
    if url.port().is_some() {
        return Err(Forbidden::Port);
    }
    check_userinfo(&url)?;
    match url.host() {
        Some(Host::Domain("localhost")) => Err(Forbidden::Private),
        Some(Host::Domain(_)) => Ok(url),
        _ => Err(Forbidden::Literal),
    }
}

/// Checks the base of a server's API and returns it without a slash at the end. It may have a path.
/// Plain http and bare IP addresses are for loopback only: tests, the simulator, a server next door.
pub(crate) fn check_base(url: &str) -> Result<String, Forbidden> {
    let url = parse(url.trim())?;
    check_userinfo(&url)?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err(Forbidden::Extra);
    }
    let loopback = url.host().is_some_and(|host| is_loopback(&host));
    match (url.scheme(), url.host()) {
        ("http" | "https", Some(_)) if loopback => {}
        ("https", Some(Host::Domain(_))) => {}
        ("https", Some(_)) => return Err(Forbidden::Literal),
        _ => return Err(Forbidden::Scheme),
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

/// Checks an address on this machine, by plain http too: what an operator runs next door.
pub(crate) fn check_loopback(url: &str) -> Result<Url, Forbidden> {
    let url = Url::parse(url).map_err(|_| Forbidden::Unreadable)?;
    check_userinfo(&url)?;
    match (url.scheme(), url.host()) {
        ("http" | "https", Some(host)) if is_loopback(&host) => Ok(url),
        _ => Err(Forbidden::Scheme),
    }
}

/// Checks an address that is called now, wherever it comes from and however long ago it was looked at: the name of a host by
/// https, or this machine where that is allowed, which it answers.
pub(crate) fn check_call(url: &Url, allow_loopback: bool) -> Result<bool, Forbidden> {
    match (url.scheme(), url.host()) {
        (_, Some(host)) if is_loopback(&host) => {
            if allow_loopback {
                Ok(true)
            } else {
                Err(Forbidden::Private)
            }
        }
        ("https", Some(Host::Domain(_))) => Ok(false),
        ("https", _) => Err(Forbidden::Literal),
        _ => Err(Forbidden::Scheme),
    }
}

/// A host has one name here: with a dot at its end it would be another one to whoever compares.
fn parse(url: &str) -> Result<Url, Forbidden> {
    let mut url = Url::parse(url).map_err(|_| Forbidden::Unreadable)?;
    if let Some(Host::Domain(host)) = url.host()
        && host.ends_with('.')
    {
        let bare = host.trim_end_matches('.').to_owned();
        url.set_host(Some(&bare)).map_err(|_| Forbidden::Unreadable)?;
    }
    Ok(url)
}

fn check_userinfo(url: &Url) -> Result<(), Forbidden> {
    if url.username().is_empty() && url.password().is_none() { Ok(()) } else { Err(Forbidden::UserInfo) }
}

fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost",
        Host::Ipv4(ip) => ip.is_loopback(),
        Host::Ipv6(ip) => ip.is_loopback(),
    }
}

/// Whether an address is one of the public internet.
pub(crate) fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    let special = match a {
        0 | 10 | 127 => true,
        100 => (64..128).contains(&b), // carrier-grade NAT
        169 => b == 254,               // link-local, cloud metadata
        172 => (16..32).contains(&b),
        192 => b == 168 || (b == 0 && (c == 0 || c == 2)) || (b == 88 && c == 99),
        198 => b == 18 || b == 19 || (b == 51 && c == 100),
        203 => b == 0 && c == 113,
        224.. => true, // multicast, reserved, broadcast
        _ => false,
    };
    !special
}

/// Only 2000::/3 is the public internet. That leaves out loopback, ULA, link-local, IPv4-mapped and NAT64;
/// within it, what tunnels to IPv4 or is set aside goes too.
fn is_public_v6(ip: Ipv6Addr) -> bool {
    let [a, b, ..] = ip.segments();
    let special = (a == 0x2001 && (b < 0x200 || b == 0xdb8)) // Teredo, ORCHID, benchmarks; documentation
        || a == 0x2002 // 6to4
        || (a == 0x3fff && b < 0x1000); // documentation
    (0x2000..0x4000).contains(&a) && !special
}

/// Resolves names and hands out public addresses only, so that what was checked is what is connected to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PublicResolver {
    /// `localhost` may be itself.
    pub(crate) allow_localhost: bool,
}

impl Resolve for PublicResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let allow_localhost = self.allow_localhost;
        Box::pin(async move {
            let host = name.as_str().to_owned();
            let found = lookup(&host).await?;
            let allowed: Vec<SocketAddr> = found
                .into_iter()
                .filter(|address| {
                    if allow_localhost && host == "localhost" {
                        address.ip().is_loopback()
                    } else {
                        is_public(address.ip())
                    }
                })
                .collect();
            if allowed.is_empty() {
                return Err(Box::new(Forbidden::Private) as Box<dyn StdError + Send + Sync>);
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

/// Where a connection to an address may be made that is not HTTP, under the rules of [`check_call`]: what is handed out is what was
/// checked.
pub(crate) async fn connectable(url: &Url, allow_loopback: bool) -> std::io::Result<Vec<SocketAddr>> {
    let is_here = check_call(url, allow_loopback).map_err(std::io::Error::other)?;
    let port = url.port_or_known_default().unwrap_or(443);
    let found: Vec<SocketAddr> = match url.host() {
        Some(Host::Domain(host)) => lookup(host).await?,
        Some(Host::Ipv4(ip)) => vec![SocketAddr::new(ip.into(), port)],
        Some(Host::Ipv6(ip)) => vec![SocketAddr::new(ip.into(), port)],
        None => vec![],
    };
    let is_allowed = |ip: IpAddr| if is_here { ip.is_loopback() } else { is_public(ip) };
    let allowed = found.into_iter().filter(|address| is_allowed(address.ip()));
    let allowed: Vec<_> = allowed.map(|address| SocketAddr::new(address.ip(), port)).collect();
    if allowed.is_empty() { Err(std::io::Error::other(Forbidden::Private)) } else { Ok(allowed) }
}

async fn lookup(host: &str) -> std::io::Result<Vec<SocketAddr>> {
    #[cfg(test)]
    if host.ends_with(inward::REBINDING) {
        return Ok(inward::ANSWERS.map(|ip| SocketAddr::new(ip, 0)).to_vec());
    }
    Ok(tokio::net::lookup_host((host, 0)).await?.collect())
}

/// Whether an error was caused by [`PublicResolver`]'s refusal.
pub(crate) fn forbidden(error: &(dyn StdError + 'static)) -> Option<Forbidden> {
    let mut cause = Some(error);
    while let Some(inner) = cause {
        if let Some(forbidden) = inner.downcast_ref::<Forbidden>() {
            return Some(forbidden.clone());
        }
        cause = inner.source();
    }
    None
}

/// For logs: scheme and host, nothing that could be a secret.
pub(crate) struct Origin<'a>(pub(crate) &'a str);

impl fmt::Display for Origin<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Url::parse(self.0) {
            Ok(url) => f.write_str(&url.origin().ascii_serialization()),
            Err(_) => f.write_str("an unreadable address"),
        }
    }
}

#[cfg(test)]
pub(crate) mod inward;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_the_internet_are_public() {
        for public in ["1.1.1.1", "93.184.216.34", "100.63.0.1", "100.128.0.1", "172.15.0.1", "172.32.0.1"] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
        for public in ["2606:4700:4700::1111", "2001:4860:4860::8888", "2a00:1450:4001::1"] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
        for private in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.9.9.9",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1",
            "239.1.1.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:1.1.1.1",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b::101:101",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "3fff::1",
            "fc00::1",
            "fd12::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "5f00::1",
        ] {
            assert!(!is_public(private.parse().unwrap()), "{private}");
        }
    }

    #[test]
    fn media_come_from_named_hosts_by_https() {
        assert!(check_public("https://images.example/a.png?x=1#y").is_ok());
        assert!(check_public("https://images.example:443/a.png").is_ok());
        for (url, why) in [
            ("http://images.example/a", Forbidden::Scheme),
            ("ftp://images.example/a", Forbidden::Scheme),
            ("file:///etc/passwd", Forbidden::Scheme),
            ("https://images.example:8443/a", Forbidden::Port),
            ("https://u@images.example/a", Forbidden::UserInfo),
            ("https://u:p@images.example/a", Forbidden::UserInfo),
            ("https://localhost/a", Forbidden::Private),
            ("https://localhost./a", Forbidden::Private),
            ("https://127.0.0.1/a", Forbidden::Literal),
            ("https://2130706433/a", Forbidden::Literal),
            ("https://0x7f.1/a", Forbidden::Literal),
            ("https://[::1]/a", Forbidden::Literal),
            ("https://[::ffff:10.0.0.1]/a", Forbidden::Literal),
            ("images.example/a", Forbidden::Unreadable),
        ] {
            assert_eq!(check_public(url), Err(why), "{url}");
        }
    }

    #[test]
    fn a_host_has_one_name() {
        for url in ["https://mastodon.social.", "https://mastodon.social../", "https://Mastodon.Social./"] {
            assert_eq!(check_public(url).unwrap().as_str(), "https://mastodon.social/", "{url}");
        }
        assert!(check_public("https://.").is_err());
    }

    #[test]
    fn what_is_called_is_a_name_or_here() {
        let check = |url: &str, allow| check_call(&Url::parse(url).unwrap(), allow);
        assert_eq!(check("https://a.example:8443/", false), Ok(false));
        for here in ["http://127.0.0.1:1/", "http://localhost/", "https://[::1]/"] {
            assert_eq!(check(here, true), Ok(true), "{here}");
            assert_eq!(check(here, false), Err(Forbidden::Private), "{here}");
        }
        for allow in [true, false] {
            assert_eq!(check("https://10.0.0.1/", allow), Err(Forbidden::Literal));
            assert_eq!(check("https://[64:ff9b::7f00:1]/", allow), Err(Forbidden::Literal));
            assert_eq!(check("http://a.example/", allow), Err(Forbidden::Scheme));
        }
    }

    #[test]
    fn a_base_is_https_or_on_loopback() {
        for (url, base) in [
            ("https://bsky.social", "https://bsky.social"),
            ("https://pds.example:2583/", "https://pds.example:2583"),
            ("http://127.0.0.1:4000/bluesky/", "http://127.0.0.1:4000/bluesky"),
            ("http://localhost:2583", "http://localhost:2583"),
            ("http://[::1]:1", "http://[::1]:1"),
            (" https://BSKY.social ", "https://bsky.social"),
            ("https://bsky.social./", "https://bsky.social"),
        ] {
            assert_eq!(check_base(url).as_deref(), Ok(base), "{url}");
        }
        for (url, why) in [
            ("http://pds.example", Forbidden::Scheme),
            ("http://localhost.example", Forbidden::Scheme),
            ("http://10.0.0.1", Forbidden::Scheme),
            ("https://10.0.0.1", Forbidden::Literal),
            ("https://169.254.169.254/latest", Forbidden::Literal),
            ("https://u:p@pds.example", Forbidden::UserInfo),
            ("https://pds.example/?a=b", Forbidden::Extra),
            ("https://pds.example/#a", Forbidden::Extra),
            ("ftp://localhost", Forbidden::Scheme),
            ("pds.example", Forbidden::Unreadable),
        ] {
            assert_eq!(check_base(url), Err(why), "{url}");
        }
    }

    #[test]
    fn next_door_is_on_loopback() {
        for url in ["http://127.0.0.1:9093/a?b=c", "http://localhost/", "https://[::1]:1/#x"] {
            assert!(check_loopback(url).is_ok(), "{url}");
        }
        for url in
            ["http://10.0.0.1/", "http://localhost.example/", "http://u@127.0.0.1/", "file:///x", "localhost"]
        {
            assert!(check_loopback(url).is_err(), "{url}");
        }
    }

    #[tokio::test]
    async fn the_resolver_hands_out_no_private_address() {
        let look = |allow_localhost| async move {
            let name: Name = "localhost".parse().unwrap();
            PublicResolver { allow_localhost }.resolve(name).await
        };
        let Err(refused) = look(false).await else { panic!("localhost was resolved") };
        assert_eq!(forbidden(refused.as_ref()), Some(Forbidden::Private));
        assert!(look(true).await.unwrap().all(|address| address.ip().is_loopback()));
    }

    #[test]
    fn a_log_shows_no_path() {
        assert_eq!(Origin("https://u:p@a.example/x?token=1").to_string(), "https://a.example");
    }
}
