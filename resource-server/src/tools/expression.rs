//! Evaluates arithmetic expressions. The cost is bounded by the length of the text, which the caller limits.
use std::iter::Peekable;

/// The deepest nesting of parentheses, signs and powers.
const DEEPEST: usize = 64;
/// Arguments of one function.
const MOST_ARGUMENTS: usize = 32;

/// Why an expression has no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    Character,
    Number,
    Syntax,
    Name,
    Arguments,
    Deep,
    ZeroDivision,
    Undefined,
    Whole,
    Large,
}

impl Fault {
    pub fn text(self) -> &'static str {
        match self {
            Self::Character => "The expression has a character that means nothing here",
            Self::Number => "A number is not well formed",
            Self::Syntax => "The expression is not complete, or out of order",
            Self::Name => "A name is unknown; see the tool's description",
            Self::Arguments => "A function has the wrong number of arguments",
            Self::Deep => "The expression is nested too deep",
            Self::ZeroDivision => "Division by zero",
            Self::Undefined => "The result is not a real number",
            Self::Whole => "factorial and gcd are of whole numbers, factorial of none below 0",
            Self::Large => "The result is too large; factorial goes up to 170",
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Number(f64),
    Name(String),
    Mark(char),
    Power,
    /// `//`: rounds down to a whole number.
    Floor,
}

/// `+ - * / // % **`, parentheses, and the functions and constants below. Powers bind first, and to the right; then signs.
pub(super) fn value(text: &str) -> Result<f64, Fault> {
    let tokens = tokens(text)?;
    let mut reader = Reader { tokens: tokens.into_iter().peekable(), depth: 0 };
    let value = reader.sum()?;
    if reader.tokens.next().is_some() { Err(Fault::Syntax) } else { Ok(value) }
}

fn tokens(text: &str) -> Result<Vec<Token>, Fault> {
    let (mut rest, mut tokens) = (text.trim_start(), Vec::new());
    while let Some(first) = rest.chars().next() {
        let (token, length) = match first {
            '0'..='9' | '.' => number(rest)?,
            'a'..='z' | 'A'..='Z' => {
                let length = rest.find(|letter: char| !letter.is_ascii_alphanumeric()).unwrap_or(rest.len());
                (Token::Name(rest[..length].to_ascii_lowercase()), length)
            }
            '*' if rest.starts_with("**") => (Token::Power, 2),
            '/' if rest.starts_with("//") => (Token::Floor, 2),
            '+' | '-' | '*' | '/' | '%' | '(' | ')' | ',' => (Token::Mark(first), 1),
            _ => return Err(Fault::Character),
        };
        tokens.push(token);
        rest = rest[length..].trim_start();
    }
    Ok(tokens)
}

/// Digits, a point and more digits, an exponent.
fn number(text: &str) -> Result<(Token, usize), Fault> {
    let digits =
        |from: usize| from + text[from..].find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len() - from);
    let mut end = digits(0);
    if text[end..].starts_with('.') {
        end = digits(end + 1);
    }
    if text[end..].starts_with(['e', 'E']) {
        let sign = usize::from(text[end + 1..].starts_with(['+', '-']));
        end = digits(end + 1 + sign);
    }
    let number = text[..end].parse::<f64>().map_err(|_| Fault::Number)?;
    Ok((Token::Number(finite(number)?), end))
}

struct Reader<I: Iterator<Item = Token>> {
    tokens: Peekable<I>,
    depth: usize,
}

impl<I: Iterator<Item = Token>> Reader<I> {
    fn takes(&mut self, mark: char) -> bool {
        self.tokens.next_if_eq(&Token::Mark(mark)).is_some()
    }

    fn sum(&mut self) -> Result<f64, Fault> {
        let mut value = self.product()?;
        loop {
            if self.takes('+') {
                value += self.product()?;
            } else if self.takes('-') {
                value -= self.product()?;
            } else {
                return Ok(value);
            }
            finite(value)?;
        }
    }

    fn product(&mut self) -> Result<f64, Fault> {
        let mut value = self.signed()?;
        loop {
            if self.takes('*') {
                value *= self.signed()?;
            } else if self.takes('/') {
                value /= self.divisor()?;
            } else if self.takes('%') {
                let by = self.divisor()?;
                // The remainder has the sign of the divisor, to match the floored quotient.
                let rest = value % by;
                value = if rest != 0.0 && (rest < 0.0) != (by < 0.0) { rest + by } else { rest };
            } else if self.tokens.next_if_eq(&Token::Floor).is_some() {
                value = (value / self.divisor()?).floor();
            } else {
                return Ok(value);
            }
            finite(value)?;
        }
    }

    fn divisor(&mut self) -> Result<f64, Fault> {
        let by = self.signed()?;
        if by == 0.0 { Err(Fault::ZeroDivision) } else { Ok(by) }
    }

    /// All nesting goes through this function.
    fn signed(&mut self) -> Result<f64, Fault> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(Fault::Deep);
        }
        let value = if self.takes('-') {
            -self.signed()?
        } else if self.takes('+') {
            self.signed()?
        } else {
            self.power()?
        };
        self.depth -= 1;
        Ok(value)
    }

    fn power(&mut self) -> Result<f64, Fault> {
        let base = self.atom()?;
        if self.tokens.next_if_eq(&Token::Power).is_none() {
            return Ok(base);
        }
        raised(base, self.signed()?)
    }

    fn atom(&mut self) -> Result<f64, Fault> {
        match self.tokens.next().ok_or(Fault::Syntax)? {
            Token::Number(number) => Ok(number),
            Token::Name(name) if self.takes('(') => function(&name, &self.arguments()?),
            Token::Name(name) => constant(&name).ok_or(Fault::Name),
            Token::Mark('(') => {
                let value = self.sum()?;
                if self.takes(')') { Ok(value) } else { Err(Fault::Syntax) }
            }
            _ => Err(Fault::Syntax),
        }
    }

    /// Up to the closing parenthesis.
    fn arguments(&mut self) -> Result<Vec<f64>, Fault> {
        let mut all = vec![self.sum()?];
        while self.takes(',') {
            if all.len() >= MOST_ARGUMENTS {
                return Err(Fault::Arguments);
            }
            all.push(self.sum()?);
        }
        if self.takes(')') { Ok(all) } else { Err(Fault::Syntax) }
    }
}

/// As the tool's description lists them.
pub(super) const NAMES: &str = "abs sqrt cbrt exp ln log log2 log10 sin cos tan asin acos atan degrees radians floor ceil round factorial gcd hypot \
     min max pow pi tau e";

fn constant(name: &str) -> Option<f64> {
    match name {
        "pi" => Some(std::f64::consts::PI),
        "tau" => Some(std::f64::consts::TAU),
        "e" => Some(std::f64::consts::E),
        _ => None,
    }
}

fn function(name: &str, arguments: &[f64]) -> Result<f64, Fault> {
    let unary: Option<fn(f64) -> f64> = match name {
        "abs" => Some(f64::abs),
        "sqrt" => Some(f64::sqrt),
        "cbrt" => Some(f64::cbrt),
        "exp" => Some(f64::exp),
        "ln" => Some(f64::ln),
        "log2" => Some(f64::log2),
        "log10" => Some(f64::log10),
        "sin" => Some(f64::sin),
        "cos" => Some(f64::cos),
        "tan" => Some(f64::tan),
        "asin" => Some(f64::asin),
        "acos" => Some(f64::acos),
        "atan" => Some(f64::atan),
        "degrees" => Some(f64::to_degrees),
        "radians" => Some(f64::to_radians),
        "floor" => Some(f64::floor),
        "ceil" => Some(f64::ceil),
        _ => None,
    };
    match (name, arguments) {
        (_, [one]) if unary.is_some() => finite(unary.map_or(*one, |function| function(*one))),
        ("log", [one]) => finite(one.ln()),
        ("log", [one, base]) => finite(one.ln() / base.ln()),
        ("round", [one]) => Ok(one.round_ties_even()),
        ("round", [one, digits]) => rounded(*one, *digits),
        ("pow", [base, exponent]) => raised(*base, *exponent),
        ("factorial", [one]) => factorial(*one),
        ("gcd", all) => all.iter().try_fold(0, |divisor, one| Ok(gcd(divisor, whole(*one)?))).map(number_of),
        ("hypot", all) => finite(all.iter().copied().fold(0.0, f64::hypot)),
        ("min", all) => Ok(all.iter().copied().fold(f64::INFINITY, f64::min)),
        ("max", all) => Ok(all.iter().copied().fold(f64::NEG_INFINITY, f64::max)),
        ("log" | "round" | "pow" | "factorial", _) => Err(Fault::Arguments),
        _ => Err(if unary.is_some() { Fault::Arguments } else { Fault::Name }),
    }
}

/// The largest whole number whose factorial is a `f64`.
const LARGEST_FACTORIAL: f64 = 170.0;

fn factorial(value: f64) -> Result<f64, Fault> {
    if value < 0.0 || value.fract() != 0.0 {
        return Err(Fault::Whole);
    }
    // Checked before the calculation, to bound its cost.
    if value > LARGEST_FACTORIAL {
        return Err(Fault::Large);
    }
    let (mut product, mut factor) = (1.0, 2.0);
    while factor <= value {
        product *= factor;
        factor += 1.0;
    }
    Ok(product)
}

/// Larger whole numbers are not all exact in `f64`.
const LARGEST_WHOLE: f64 = 9_007_199_254_740_992.0;

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // it is whole, and small enough
fn whole(value: f64) -> Result<u64, Fault> {
    if value.fract() != 0.0 {
        return Err(Fault::Whole);
    }
    if value.abs() > LARGEST_WHOLE { Err(Fault::Large) } else { Ok(value.abs() as u64) }
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[allow(clippy::cast_precision_loss)] // it is a divisor of numbers that are small enough
fn number_of(whole: u64) -> f64 {
    whole as f64
}

fn raised(base: f64, exponent: f64) -> Result<f64, Fault> {
    if base == 0.0 && exponent < 0.0 { Err(Fault::ZeroDivision) } else { finite(base.powf(exponent)) }
}

/// To so many digits behind the point.
fn rounded(value: f64, digits: f64) -> Result<f64, Fault> {
    let factor = finite(10_f64.powf(digits.round().clamp(-300.0, 300.0)))?;
    let scaled = value * factor;
    // A larger value has no digits to round.
    Ok(if scaled.is_finite() { scaled.round_ties_even() / factor } else { value })
}

fn finite(value: f64) -> Result<f64, Fault> {
    if value.is_nan() {
        return Err(Fault::Undefined);
    }
    if value.is_finite() { Ok(value) } else { Err(Fault::Large) }
}

#[cfg(test)]
mod tests;
