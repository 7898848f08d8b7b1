//! One spelling of each text that is compared: keyboards and systems write the same letter in several ways.
use icu_normalizer::ComposingNormalizerBorrowed;
use std::borrow::Cow;

/// The form in which names and passwords are stored, compared and counted (NFC, RFC 8265 §4.2).
#[must_use]
pub fn normal_form(text: &str) -> Cow<'_, str> {
    const { ComposingNormalizerBorrowed::new_nfc() }.normalize(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_way_a_letter_is_written_it_has_one_form() {
        for (one, other) in [("\u{e9}", "e\u{301}"), ("\u{212b}", "A\u{30a}"), ("\u{d55c}", "\u{1112}\u{1161}\u{11ab}")]
        {
            assert_eq!(normal_form(one), normal_form(other));
        }
        // Letters that only look alike stay apart, and so does case.
        for (one, other) in [("a", "\u{430}"), ("\u{fb01}", "fi"), ("\u{ff21}", "A"), ("a", "A")] {
            assert_ne!(normal_form(one), normal_form(other));
        }
    }
}
