//! What judging a password takes at least: one hash, by a program that does nothing else.
use crate::process::Processes;
use argon2::{Algorithm, Argon2, Block, Params, Version};
use std::time::Duration;

/// OWASP's setting, which servers are expected to use: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
/// Enough for the kernel's clock, which ticks a hundred times a second.
const HASHES: u32 = 64;

/// Of the processor: what else goes on in the machine does not count.
pub fn hash_time() -> anyhow::Result<Duration> {
    let params = Params::new(MEMORY_KIB, PASSES, 1, None)?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let (mut memory, mut hash) = (vec![Block::default(); MEMORY_KIB as usize], [0; 32]);
    let before = Processes::ours().usage()?.cpu;
    for _ in 0..HASHES {
        argon2.hash_password_into_with_memory(b"a password", b"salt of the limit", &mut hash, &mut memory)?;
    }
    Ok(Processes::ours().usage()?.cpu.saturating_sub(before) / HASHES)
}
