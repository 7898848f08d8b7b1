//! Recognises the type of a picture by its first bytes. Only raster formats of limited size are accepted.

/// Pixels of each side: bounds the memory for unpacking, however small the file is (RFC 7591 §5).
const MAX_SIDE_PIXELS: u32 = 2048;

/// The media type of an accepted picture; `None` for everything else, in particular formats that can hold scripts.
#[must_use]
pub fn media_type(bytes: &[u8]) -> Option<&'static str> {
    let (kind, width, height) = png(bytes).or_else(|| gif(bytes)).or_else(|| webp(bytes)).or_else(|| jpeg(bytes))?;
    let fits = |side| (1..=MAX_SIDE_PIXELS).contains(&side);
    (fits(width) && fits(height)).then_some(kind)
}

type Picture = (&'static str, u32, u32);

fn big(bytes: &[u8], at: usize, length: usize) -> Option<u32> {
    Some(bytes.get(at..at + length)?.iter().fold(0, |number, byte| number << 8 | u32::from(*byte)))
}

fn little(bytes: &[u8], at: usize, length: usize) -> Option<u32> {
    Some(bytes.get(at..at + length)?.iter().rev().fold(0, |number, byte| number << 8 | u32::from(*byte)))
}

/// Portable Network Graphics §5.2 and §11.2.1.
fn png(bytes: &[u8]) -> Option<Picture> {
    bytes.starts_with(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR").then_some(())?;
    Some(("image/png", big(bytes, 16, 4)?, big(bytes, 20, 4)?))
}

/// Graphics Interchange Format 89a §17 and §18.
fn gif(bytes: &[u8]) -> Option<Picture> {
    (bytes.starts_with(b"GIF87a") || bytes.starts_with(b"GIF89a")).then_some(())?;
    Some(("image/gif", little(bytes, 6, 2)?, little(bytes, 8, 2)?))
}

/// RFC 9649 §2.
fn webp(bytes: &[u8]) -> Option<Picture> {
    (bytes.starts_with(b"RIFF") && bytes.get(8..12)? == b"WEBP").then_some(())?;
    let (width, height) = match bytes.get(12..16)? {
        b"VP8X" => (little(bytes, 24, 3)? + 1, little(bytes, 27, 3)? + 1),
        b"VP8L" if bytes.get(20) == Some(&0x2F) => {
            let sides = little(bytes, 21, 4)?;
            ((sides & 0x3FFF) + 1, (sides >> 14 & 0x3FFF) + 1)
        }
        b"VP8 " if bytes.get(23..26)? == b"\x9D\x01\x2A" => {
            (little(bytes, 26, 2)? & 0x3FFF, little(bytes, 28, 2)? & 0x3FFF)
        }
        _ => return None,
    };
    Some(("image/webp", width, height))
}

/// ITU-T T.81 §B.1.1 and §B.2.2: skips from marker to marker until the frame header.
fn jpeg(bytes: &[u8]) -> Option<Picture> {
    bytes.starts_with(b"\xFF\xD8\xFF").then_some(())?;
    let mut at = 2;
    loop {
        let (&0xFF, marker) = (bytes.get(at)?, *bytes.get(at + 1)?) else { return None };
        match marker {
            0xFF => at += 1,
            // Frame headers, except three numbers that mean something else.
            0xC0..=0xCF if !matches!(marker, 0xC4 | 0xC8 | 0xCC) => {
                return Some(("image/jpeg", big(bytes, at + 7, 2)?, big(bytes, at + 5, 2)?));
            }
            0x01 | 0xD0..=0xD9 => return None,
            _ => {
                let length = usize::try_from(big(bytes, at + 2, 2)?).ok()?;
                at += 2 + length.max(2);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn png_of(width: u32, height: u32) -> Vec<u8> {
        [&b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"[..], &width.to_be_bytes(), &height.to_be_bytes()].concat()
    }

    #[test]
    fn each_raster_type_is_told_by_its_own_bytes() {
        let jpeg = b"\xFF\xD8\xFF\xE0\0\x04JF\xFF\xFF\xC2\0\x11\x08\0\x20\0\x10\x03";
        let lossless = [b"RIFF\x1A\0\0\0WEBPVP8L\x0D\0\0\0\x2F", &(15_u32 | 31 << 14).to_le_bytes()[..]].concat();
        for (bytes, expected) in [
            (png_of(64, 2048), "image/png"),
            (b"GIF89a\x10\0\x20\0".to_vec(), "image/gif"),
            (b"GIF87a\x01\0\x01\0".to_vec(), "image/gif"),
            (jpeg.to_vec(), "image/jpeg"),
            (b"RIFF\x1A\0\0\0WEBPVP8X\x0A\0\0\0\0\0\0\0\x0F\0\0\x1F\0\0".to_vec(), "image/webp"),
            (lossless, "image/webp"),
            (b"RIFF\x1A\0\0\0WEBPVP8 \x0A\0\0\0\0\0\0\x9D\x01\x2A\x10\0\x20\0".to_vec(), "image/webp"),
        ] {
            assert_eq!(media_type(&bytes), Some(expected), "{bytes:?}");
            for shorter in 0..bytes.len().min(17) {
                assert_eq!(media_type(&bytes[..shorter]), None, "{expected} of {shorter} bytes");
            }
        }
    }

    #[test]
    fn attack_91_what_is_no_picture_or_too_large_a_one_is_none() {
        for bytes in [
            &b""[..],
            b"<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>",
            b"<?xml version=\"1.0\"?><svg/>",
            b"<!doctype html><script>alert(1)</script>",
            b"%PDF-1.7",
            b"BM\x10\0\0\0",
            b"\0\0\x01\0\x01\0",
            b"\x1f\x8b\x08\0",
            b"\xEF\xBB\xBFGIF89a\x10\0\x20\0",
            b" GIF89a\x10\0\x20\0",
            b"GIF89a\0\0\x20\0",
            b"RIFF\x1A\0\0\0WAVEfmt ",
            b"\xFF\xD8\xFF\xD9",
        ] {
            assert_eq!(media_type(bytes), None, "{bytes:?}");
        }
        for (width, height) in [(0, 1), (1, 0), (2049, 1), (1, 2049), (u32::MAX, u32::MAX)] {
            assert_eq!(media_type(&png_of(width, height)), None);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_judged(bytes: Vec<u8>, behind: Vec<u8>) {
            let _ = media_type(&bytes);
            for magic in [&b"\xFF\xD8\xFF"[..], b"RIFF\0\0\0\0WEBPVP8", b"GIF89a", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"] {
                let _ = media_type(&[magic, &behind].concat());
            }
        }
    }
}
