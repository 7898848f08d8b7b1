//! How large a query becomes when SQLite puts each named part (`WITH`) in every place that asks for it, which it does
//! before it can be stopped.

/// Places, at most.
const MOST: u64 = 10_000;

/// Parts that ask for each other many times over make a short query endless. The worst such a query can be: what it
/// asks for, spread evenly over its parts and itself.
pub(super) fn is_bounded(query: &str) -> bool {
    let tokens = tokens(query);
    if !tokens.iter().any(|token| token == "WITH") {
        return true;
    }
    let is_part = |pair: &&[String]| pair[0] == "AS" && ["(", "NOT", "MATERIALIZED"].contains(&pair[1].as_str());
    let levels = tokens.windows(2).filter(is_part).count() + 1;
    // Whatever is asked for comes after one of these.
    let asked = tokens.iter().filter(|token| ["FROM", "JOIN", "IN", ","].contains(&token.as_str())).count();
    let each = u64::try_from(asked.div_ceil(levels)).unwrap_or(u64::MAX);
    u32::try_from(levels).ok().and_then(|levels| each.checked_pow(levels)).is_some_and(|places| places <= MOST)
}

/// Words in capitals, and other characters one by one; no comments, and of what is in quotes only the first of them.
fn tokens(query: &str) -> Vec<String> {
    let (mut rest, mut tokens) = (query, Vec::new());
    while let Some(first) = rest.chars().next() {
        let until = |start: usize, end: &str| {
            let body = rest.get(start..).unwrap_or_default();
            body.find(end).map_or(rest.len(), |at| start + at + end.len())
        };
        let is_word = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == '$';
        let length = match first {
            '-' if rest.starts_with("--") => until(2, "\n"),
            '/' if rest.starts_with("/*") => until(2, "*/"),
            '\'' => until(1, "'"),
            '"' => until(1, "\""),
            '`' => until(1, "`"),
            '[' => until(1, "]"),
            _ if is_word(first) => rest.find(|letter| !is_word(letter)).unwrap_or(rest.len()),
            _ => first.len_utf8(),
        };
        let is_comment = rest.starts_with("--") || rest.starts_with("/*");
        if is_word(first) {
            tokens.push(rest[..length].to_uppercase());
        } else if !is_comment && !first.is_whitespace() {
            tokens.push(first.to_string());
        }
        rest = &rest[length..];
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_as_people_write_them_are_bounded() {
        let long = format!("SELECT id IN ({}) FROM users", vec!["1"; 500].join(","));
        let good = [
            "SELECT * FROM users",
            &long,
            "WITH a AS (SELECT id, name, email FROM users), b AS (SELECT a.id, o.quantity FROM a JOIN orders o ON \
             o.user_id = a.id), c AS (SELECT id, sum(quantity) AS n FROM b GROUP BY id) SELECT a.name, c.n \
             FROM a JOIN c ON a.id = c.id ORDER BY c.n, a.name",
        ];
        for query in good {
            assert!(is_bounded(query), "{query}");
        }
    }

    #[test]
    fn parts_that_multiply_are_not_however_they_are_written() {
        for [open, from, comma] in [
            [" AS (", " FROM ", ","],
            [" as/* ( */(", " from/*,*/", " join "],
            [" AS NOT MATERIALIZED (", " -- '\nFROM ", ", "],
        ] {
            let part = |n: i32| format!("c{n}{open}SELECT 1{from}{})", vec![format!("c{}", n - 1); 8].join(comma));
            let parts: Vec<_> = (1..12).map(part).collect();
            assert!(!is_bounded(&format!("WITH c0{open}SELECT 1), {} SELECT 1 FROM c11", parts.join(","))), "{open}");
        }
    }

    #[test]
    fn quotes_that_never_end_are_read_to_the_end() {
        for query in ["'", "\"a", "`", "[", "/*", "--", "'é", "/* é", "x'"] {
            assert!(is_bounded(query), "{query}");
        }
        assert_eq!(tokens("a'it''s'[b c]--x\n(é)/*"), ["A", "'", "'", "[", "(", "É", ")"]);
    }
}
