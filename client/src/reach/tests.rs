//! No server leads to an address that is nearer than itself, and nothing for this machine goes to a proxy.
use super::*;

fn at(text: &str) -> Address {
    Address::parse(text).unwrap()
}

async fn outcome(root: &str, to: &str) -> std::result::Result<Route, String> {
    let reach = Reach { proxies: Matcher::builder().build(), names: ResolvedNames::default() };
    reach.route(&at(to), Some(&at(root))).await.map_err(|failure| failure.code)
}

#[tokio::test]
async fn attack_174_nobody_sends_anybody_nearer_than_he_is_himself() {
    let (internet, network, machine) = ("https://1.1.1.1/mcp", "https://10.0.0.1/mcp", "http://127.0.0.1:8080/mcp");
    for near in [
        "https://127.0.0.1/",
        "https://localhost/",
        "https://x.localhost./",
        "https://[::ffff:7f00:1]/",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://0/",
        "https://[::]/",
    ] {
        assert_eq!(outcome(internet, near).await.unwrap_err(), "private_address", "{near}");
        assert_eq!(outcome(network, near).await.unwrap_err(), "private_address", "{near}");
        assert_eq!(outcome(machine, near).await, Ok(Route::Direct), "{near}");
    }
    for private in ["https://10.1.2.3/", "https://[fd00::1]/", "https://192.168.0.1/"] {
        assert_eq!(outcome(internet, private).await.unwrap_err(), "private_address", "{private}");
        assert_eq!(outcome(network, private).await, Ok(Route::Direct), "{private}");
    }
    for link in ["https://169.254.169.254/latest/meta-data", "https://[fe80::1]/"] {
        assert_eq!(outcome(network, link).await.unwrap_err(), "private_address", "{link}");
    }
    for root in [internet, network, machine] {
        assert_eq!(outcome(root, "https://8.8.8.8/").await, Ok(Route::Direct));
    }
}

#[tokio::test]
async fn attack_175_a_name_is_judged_by_its_addresses_and_only_those_are_connected_to() {
    let reach = Reach { proxies: Matcher::builder().build(), names: ResolvedNames::default() };
    let know = |name: &str, addresses: &[&str]| {
        let all = addresses.iter().map(|address| address.parse().unwrap()).collect();
        reach.names.lock().insert(name.to_owned(), ResolvedName { all, allowed: Vec::new() });
    };
    know("mcp.example", &["8.8.8.8", "127.0.0.1"]);
    know("intranet.example", &["10.0.0.1"]);
    know("rebound.example", &["127.0.0.1", "::1"]);
    know("mixed.example", &["10.0.0.1", "9.9.9.9"]);
    let code =
        async |root: &str, to: &str| reach.route(&at(to), Some(&at(root))).await.map_err(|failure| failure.code).err();
    let refused = Some("private_address".to_owned());
    for to in ["https://rebound.example/", "https://intranet.example/", "https://localhost/"] {
        // Its own name pointing here as well makes the server no neighbour.
        assert_eq!(code("https://mcp.example/mcp", to).await, refused, "{to}");
    }
    assert_eq!(code("https://mcp.example/mcp", "https://mixed.example/").await, None);
    assert_eq!(code("https://intranet.example/mcp", "https://mixed.example/").await, None);
    assert_eq!(code("https://intranet.example/mcp", "https://rebound.example/").await, refused);
    assert_eq!(code("http://localhost/mcp", "http://a.localhost./").await, None);
    let names = reach.names.lock();
    let allowed = |name: &str| names[name].allowed.clone();
    assert!(allowed("a.localhost.").iter().all(IpAddr::is_loopback));
    assert!(allowed("rebound.example").is_empty());
}

#[test]
fn attack_172_nothing_for_this_machine_goes_to_a_proxy() {
    let proxies = Matcher::builder().all("http://proxy.example:3128").no("").build();
    let reach = Reach { proxies, names: ResolvedNames::default() };
    for here in [
        "http://127.0.0.1/",
        "http://LOCALHOST:1/",
        "http://localhost./",
        "https://a.localhost/",
        "http://127.1/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://0.0.0.0/",
        "http://0/",
    ] {
        assert!(!reach.proxied(&at(here)), "{here}");
    }
    for away in ["https://mcp.example/", "https://10.0.0.1/", "https://localhost.example/", "https://notlocalhost/"] {
        assert!(reach.proxied(&at(away)), "{away}");
    }
}
