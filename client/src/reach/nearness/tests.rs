//! Every spelling of a near address is near.
use super::*;

#[test]
fn attack_174_every_spelling_of_a_near_address_is_near() {
    let cases = [
        (
            Nearness::Machine,
            "127.0.0.1 127.255.0.9 0.0.0.0 ::1 :: ::ffff:127.0.0.1 ::7f00:1 64:ff9b::7f00:1 \
             2002:7f00:1:: ::ffff:0.0.0.0",
        ),
        (Nearness::Link, "169.254.169.254 fe80::1 ff02::1 ::ffff:169.254.169.254 64:ff9b::a9fe:a9fe"),
        (
            Nearness::Network,
            "10.0.0.1 172.31.255.255 192.168.1.1 100.64.0.1 198.18.0.1 fc00::1 fd12::1 fec0::1 \
             224.0.0.1 255.255.255.255 ::ffff:10.0.0.1 64:ff9b::a00:1 64:ff9b:1::1 2001::1 2002:a00:1:: \
             2001:db8::1 100::1",
        ),
        (
            Nearness::Internet,
            "1.1.1.1 8.8.8.8 172.32.0.1 2606:4700::1111 ::ffff:8.8.8.8 64:ff9b::808:808 2002:808:808::1",
        ),
    ];
    for (wanted, addresses) in cases {
        for address in addresses.split_whitespace() {
            assert_eq!(nearness(address.parse().unwrap()), wanted, "{address}");
        }
    }
}
