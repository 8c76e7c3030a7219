//! Conditions on the columns of a list, as values. Each table turns those of its own columns into bound SQL.

use diesel::sql_types::{Bool, Nullable};
use diesel::{BoolExpressionMethods, BoxableExpression};

use crate::store::AnyConnection;

/// The engine behind [`AnyConnection`], as diesel's types name it.
pub(super) type Engine = <AnyConnection as diesel::Connection>::Backend;

/// A condition in SQL on the rows of `T`.
pub(super) type Clause<T> = Box<dyn BoxableExpression<T, Engine, SqlType = Nullable<Bool>>>;

/// A condition made of tests of the kind `L`, one for each column that can be asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition<L> {
    /// The test holds.
    Holds(L),
    /// Both hold.
    Both(Box<Condition<L>>, Box<Condition<L>>),
    /// One of them holds.
    Either(Box<Condition<L>>, Box<Condition<L>>),
}

/// What is asked about a column of text, ignoring case.
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

/// What is asked about a column of whole numbers.
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
    /// This condition in SQL, where `test` knows the columns.
    pub(super) fn clause<T: 'static>(&self, test: &impl Fn(&L) -> Clause<T>) -> Clause<T> {
        match self {
            Condition::Holds(leaf) => test(leaf),
            Condition::Both(one, other) => Box::new(one.clause(test).and(other.clause(test))),
            Condition::Either(one, other) => Box::new(one.clause(test).or(other.clause(test))),
        }
    }
}

/// A column of text against a [`TextTest`]. The column holds the folded form. What holds nothing differs from every
/// text, and contains none.
macro_rules! text_clause {
    ($column:expr, $test:expr) => {{
        use diesel::EscapeExpressionMethods;
        use $crate::store::condition::{TextTest, pattern};
        use $crate::store::folded;
        let like = |before: &str, text: &str, after: &str| {
            $column.like(format!("{before}{}{after}", pattern(&folded(text)))).escape('\\')
        };
        match $test {
            TextTest::Equals(text) => Box::new($column.eq(folded(text)).nullable()),
            TextTest::Differs(text) => Box::new($column.ne(folded(text)).or($column.is_null()).nullable()),
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

/// A column of whole numbers against a [`NumberTest`]. What holds nothing differs from every number.
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

/// A text as a part of a pattern for `LIKE`, in which it stands for nothing but itself.
pub(super) fn pattern(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut pattern, character| {
        if matches!(character, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
        pattern
    })
}
