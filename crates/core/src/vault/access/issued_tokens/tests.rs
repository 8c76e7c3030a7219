use std::collections::HashSet;

use super::*;
use crate::store::StoreError;

const ADDRESS: [u8; 4] = [10, 0, 0, 1];

fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(second, 0).unwrap()
}

/// The record of a token that a client gets at a second.
fn token(client: &str, source: IpAddr, second: i64) -> Record {
    Record {
        at: at(second),
        request_id: second.to_string(),
        actor: client.into(),
        source: source.to_string(),
        family: "oauth",
        action: "token.issue",
        object: String::new(),
        outcome: "ok".into(),
        reason: String::new(),
        times: 1,
    }
}

/// Issues a token, whose record can be written if it needs one. Returns that record.
fn issue(tokens: &IssuedTokens, token: Record, address: IpAddr) -> Option<Record> {
    match tokens.count(token, address) {
        Step::Counted => None,
        Step::Wait(_) => panic!("no record is being written"),
        Step::Record(pending, _) => {
            let record = pending.record.clone();
            tokens.end(*pending, Ok(()));
            Some(record)
        }
    }
}

fn pending(step: Step) -> (Box<Pending>, Outcome) {
    match step {
        Step::Record(pending, outcome) => (pending, outcome),
        Step::Counted | Step::Wait(_) => panic!("a record is needed"),
    }
}

#[test]
fn a_loop_leaves_one_record_a_minute_that_counts_all_tokens_since_the_last_one() {
    let (tokens, address) = (IssuedTokens::default(), IpAddr::from(ADDRESS));
    let mut records = Vec::new();
    for second in 0..600 {
        records.extend(issue(&tokens, token("a", address, second), address));
        records.extend(tokens.take(at(second), false));
    }
    let seen: Vec<_> = records.iter().map(|record| (record.at.timestamp(), record.times)).collect();
    let expected: Vec<_> = (0..10).map(|minute| (minute * 60, if minute == 0 { 1 } else { 60 })).collect();
    assert_eq!(seen, expected);
    // The rest is recorded when the client asks no more.
    assert_eq!(tokens.take(at(659), false), []);
    let rest = tokens.take(at(660), false);
    assert_eq!((rest.len(), rest[0].at, rest[0].times, rest[0].request_id.as_str()), (1, at(599), 59, "599"));
    assert!(tokens.lock().is_empty(), "nothing is kept of it");
}

#[test]
fn clients_sources_families_and_workloads_are_counted_apart() {
    let (tokens, address) = (IssuedTokens::default(), IpAddr::from(ADDRESS));
    let other = IpAddr::from([10, 0, 0, 2]);
    let first = token("a", address, 0);
    let all = [
        first.clone(),
        token("b", address, 0),
        Record { source: other.to_string(), ..first.clone() },
        Record { family: "vault-kv", ..first.clone() },
        Record { reason: "sub a".into(), ..first.clone() },
        Record { object: "issuer-rule:1".into(), ..first.clone() },
    ];
    assert!(all.iter().all(|token| issue(&tokens, token.clone(), address) == Some(token.clone())));
    assert!(all.iter().all(|token| issue(&tokens, token.clone(), address).is_none()));
    assert_eq!(tokens.take(at(1), true).len(), all.len());
}

#[test]
fn tokens_wait_for_a_record_that_is_being_written_and_a_failed_one_is_tried_again() {
    let (tokens, address) = (IssuedTokens::default(), IpAddr::from(ADDRESS));
    let (first, outcome) = pending(tokens.count(token("a", address, 0), address));
    assert!(matches!(tokens.count(token("a", address, 0), address), Step::Wait(_)));
    assert_eq!(tokens.take(at(0), true), [], "what is being written is not taken");
    tokens.end(*first, Err(StoreError::Unavailable("a full disk").into()));
    assert!(outcome.borrow().as_ref().is_some_and(Result::is_err));
    // A writer that ends without an outcome holds up nobody.
    drop(pending(tokens.count(token("a", address, 1), address)));
    assert_eq!(issue(&tokens, token("a", address, 2), address).map(|record| record.times), Some(1));
    assert!(issue(&tokens, token("a", address, 3), address).is_none());
    // What could not be recorded is recorded with the next token.
    let taken = tokens.take(at(3), true);
    tokens.put_back(taken.clone());
    assert_eq!(tokens.take(at(3), true), taken);
    tokens.put_back(taken);
    assert_eq!(issue(&tokens, token("a", address, 99), address).map(|record| record.times), Some(2));
}

#[test]
fn a_clock_that_was_set_back_stops_no_record() {
    let (tokens, address) = (IssuedTokens::default(), IpAddr::from(ADDRESS));
    assert!(issue(&tokens, token("a", address, 86_400), address).is_some());
    assert!(issue(&tokens, token("a", address, 0), address).is_some());
}

#[test]
fn a_client_of_many_sources_leaves_a_bounded_number_of_records() {
    let tokens = IssuedTokens::default();
    let (mut records, mut all) = (Vec::new(), 0);
    for number in 0..20_000_u32 {
        let address = IpAddr::V4(Ipv4Addr::from(0x0a00_0000 + number * 64));
        records.extend(issue(&tokens, token("a", address, 0), address));
        all += 1;
    }
    let sources: HashSet<_> = records.iter().map(|record| record.source.clone()).collect();
    assert_eq!((records.len(), sources.len()), (2 * MAX_SOURCES + 1, 2 * MAX_SOURCES + 1));
    assert!(sources.contains("10.0.0.0") && sources.contains("0.0.0.0"), "{sources:?}");
    assert_eq!(sources.iter().filter(|source| source.ends_with(".0/24")).count(), MAX_SOURCES);
    records.extend(tokens.take(at(0), true));
    assert_eq!(records.iter().map(|record| record.times).sum::<i32>(), all);
    // Another client is not concerned, and subjects are left out last.
    let address = IpAddr::from(ADDRESS);
    assert_eq!(issue(&tokens, token("b", address, 0), address).unwrap().source, "10.0.0.1");
    let of = |number: usize| Record { reason: format!("sub {number}"), ..token("b", address, 0) };
    let records: Vec<_> = (0..MAX_COUNTS * 2).filter_map(|number| issue(&tokens, of(number), address)).collect();
    assert_eq!(records.len(), MAX_COUNTS);
    assert_eq!(records.iter().filter(|record| record.reason.is_empty()).count(), 1);
}
