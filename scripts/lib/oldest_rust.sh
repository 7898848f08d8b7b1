# The oldest Rust that Cargo.toml promises (`rust-version`).

# Clippy holds our own use of the standard library to it (`incompatible_msrv`, which `all` denies). This holds the
# dependencies to it, and lets that very compiler check everything where rustup has it beside a newer one. Nothing is
# downloaded: rustup's servers cannot be reached from everywhere.
oldest_rust() {
  local promised toolchain
  promised=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' Cargo.toml)
  cargo metadata --locked --format-version 1 | python3 -c "$newer_packages" "$promised" || return 1
  case $(rustc --version) in
    "rustc $promised."*) echo "this is Rust $promised: all other checks ran on it"; return ;;
  esac
  toolchain=$(rustup toolchain list 2>/dev/null | sed 's/ .*//' | grep -m 1 "^${promised//./\\.}[.-]") || {
    echo "Rust $promised is not installed: its library was judged by clippy, its language was not"
    return
  }
  cargo "+$toolchain" check --locked --workspace --all-targets --quiet --target-dir target/oldest-rust
}

newer_packages='
import json, sys

def parts(version):
    return [int(part) for part in version.split(".")]

promised = sys.argv[1]
packages = json.load(sys.stdin)["packages"]
newer = [p for p in packages if p.get("rust_version") and parts(p["rust_version"])[:2] > parts(promised)[:2]]
for package in newer:
    print(package["name"], package["version"], "needs Rust", package["rust_version"], "and", promised, "is promised")
sys.exit(bool(newer))
'
