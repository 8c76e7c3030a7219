//! Conditions on the columns of a list, as values. Each table turns the tests of its own columns into SQL with bound
//! parameters.

use diesel::sql_types::{Bool, Nullable};
use diesel::{BoolExpressionMethods, BoxableExpression};

use crate::store::AnyConnection;

/// The backend of [`AnyConnection`], as diesel's types name it.
pub(super) type Engine = <AnyConnection as diesel::Connection>::Backend;

/// An SQL condition on the rows of `T`.
pub(super) type Clause<T> = Box<dyn BoxableExpression<T, Engine, SqlType = Nullable<Bool>>>;

/// A condition made of tests of type `L`, which names the columns that a list can be filtered by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition<L> {
    /// The test holds.
    Holds(L),
    /// Both hold.
    Both(Box<Condition<L>>, Box<Condition<L>>),
    /// One of them holds.
    Either(Box<Condition<L>>, Box<Condition<L>>),
}

/// A test of a text column, ignoring case.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum TextTest {
    Equals(String),
    Differs(String),
    Contains(String),
    ContainsNot(String),
    StartsWith(String),
    EndsWith(String),
    IsNull,
    IsNotNull,
}

/// A test of an integer column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum NumberTest {
    Equals(i32),
    Differs(i32),
    Less(i32),
    LessOrEqual(i32),
    Greater(i32),
    GreaterOrEqual(i32),
    IsNull,
    IsNotNull,
}

impl<L> Condition<L> {
    /// Converts the condition to SQL. `test` converts a single test.
    pub(super) fn clause<T: 'static>(&self, test: &impl Fn(&L) -> Clause<T>) -> Clause<T> {
        match self {
            Condition::Holds(leaf) => test(leaf),
            Condition::Both(one, other) => Box::new(one.clause(test).and(other.clause(test))),
            Condition::Either(one, other) => Box::new(one.clause(test).or(other.clause(test))),
        }
    }
}

/// Converts a [`TextTest`] of a column that holds the case-folded text. NULL differs from every text and contains
/// none.
macro_rules! text_clause {
    ($column:expr, $test:expr) => {{
        use diesel::EscapeExpressionMethods;
        use $crate::store::condition::{TextTest, pattern};
        use $crate::text::case_folded;
        let like = |before: &str, text: &str, after: &str| {
            $column.like(format!("{before}{}{after}", pattern(&case_folded(text)))).escape('\\')
        };
        match $test {
            TextTest::Equals(text) => Box::new($column.eq(case_folded(text)).nullable()),
            TextTest::Differs(text) => Box::new($column.ne(case_folded(text)).or($column.is_null()).nullable()),
            TextTest::Contains(text) => Box::new(like("%", text, "%").nullable()),
            TextTest::ContainsNot(text) => {
                Box::new(diesel::dsl::not(like("%", text, "%")).or($column.is_null()).nullable())
            }
            TextTest::StartsWith(text) => Box::new(like("", text, "%").nullable()),
            TextTest::EndsWith(text) => Box::new(like("%", text, "").nullable()),
            TextTest::IsNull => Box::new($column.is_null().nullable()),
            TextTest::IsNotNull => Box::new($column.is_not_null().nullable()),
        }
    }};
}
pub(super) use text_clause;

/// Converts a [`NumberTest`] of an integer column. NULL differs from every number.
macro_rules! number_clause {
    ($column:expr, $test:expr) => {{
        use $crate::store::condition::NumberTest;
        match $test {
            NumberTest::Equals(number) => Box::new($column.eq(*number).nullable()),
            NumberTest::Differs(number) => Box::new($column.ne(*number).or($column.is_null()).nullable()),
            NumberTest::Less(number) => Box::new($column.lt(*number).nullable()),
            NumberTest::LessOrEqual(number) => Box::new($column.le(*number).nullable()),
            NumberTest::Greater(number) => Box::new($column.gt(*number).nullable()),
            NumberTest::GreaterOrEqual(number) => Box::new($column.ge(*number).nullable()),
            NumberTest::IsNull => Box::new($column.is_null().nullable()),
            NumberTest::IsNotNull => Box::new($column.is_not_null().nullable()),
        }
    }};
}
pub(super) use number_clause;

/// Escapes a text for a `LIKE` pattern.
pub(super) fn pattern(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut pattern, character| {
        if matches!(character, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
        pattern
    })
}
