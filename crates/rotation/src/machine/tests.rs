//! Tests of single arrows, and of every path through the machine.

use std::collections::{HashMap, HashSet};

use super::*;
use crate::arrow::Effect;
use crate::decision::{Decision, decide};
use crate::limits::Limits;
use crate::policy::Shape;

const FAILURES: [Failure; 9] = [
    Failure::Unreachable,
    Failure::IdentityChanged,
    Failure::Denied,
    Failure::Rejected,
    Failure::TooEarly,
    Failure::Locked,
    Failure::Unknown,
    Failure::Misconfigured,
    Failure::PlaceChanged,
];

fn rules(changes_itself: bool, can_reconcile: bool) -> Rules {
    Rules { limits: Limits { attempts: 3, ..Limits::default() }, changes_itself, can_reconcile }
}

fn every_rules() -> [Rules; 4] {
    [rules(true, true), rules(true, false), rules(false, true), rules(false, false)]
}

fn every_event() -> Vec<Event> {
    let mut events = vec![Event::Started, Event::Resumed, Event::Retired(Ok(()))];
    events.extend(Cause::ALL.iter().copied().map(Event::Opened));
    events.extend([Check::Candidate, Check::Current, Check::Neither, Check::NotCandidate].map(Event::Checked));
    events.push(Event::Identified(TargetIdentity("identity".to_owned())));
    let results = || [Ok(())].into_iter().chain(FAILURES.map(Err));
    for by in [Maker::Operator, Maker::Reconciliation] {
        events.extend(results().map(|result| Event::Changed { by, result }));
    }
    for failure in FAILURES {
        events.extend([Event::NotIdentified(failure), Event::Retired(Err(failure))]);
        events.extend([false, true].map(|candidate_refused| Event::CheckFailed { failure, candidate_refused }));
    }
    events
}

/// The record, without what differs between two ways to the same state.
fn normal(record: &Record) -> Record {
    Record { revision: 0, due_at: record.due_at.map(|_| 0), ..record.clone() }
}

/// Every arrow out of a state, at its due time.
fn arrows(record: &Record, rules: &Rules) -> Vec<(Event, Arrow)> {
    let arrow = |event: Event| next(record, &event, rules, 0).ok().map(|arrow| (event, arrow));
    every_event().into_iter().filter_map(arrow).collect()
}

/// Every state that an idle account can come to.
fn every_state(rules: &Rules) -> Vec<Record> {
    let (mut states, mut seen) = (vec![Record::new()], HashSet::new());
    let mut index = 0;
    while let Some(state) = states.get(index).cloned() {
        index += 1;
        for (_, arrow) in arrows(&state, rules) {
            let after = normal(&arrow.record);
            if seen.insert(after.clone()) {
                states.push(after);
            }
        }
    }
    states
}

fn changing(sends: u32) -> Record {
    let cause = Some(Cause::Age);
    Record { phase: Phase::Changing, cause, attempts: 1, sends, in_doubt: true, due_at: Some(0), ..Record::new() }
}

fn changed(record: &Record, failure: Failure, rules: &Rules) -> Arrow {
    next(record, &Event::Changed { by: Maker::Operator, result: Err(failure) }, rules, 0).unwrap()
}

/// What follows when the target has refused the candidate, and the values were tried.
fn rejected(record: &Record, check: Check, rules: &Rules) -> Arrow {
    let arrow = changed(record, Failure::Rejected, rules);
    assert_eq!((arrow.to(), &arrow.effect), (Phase::Verifying, &Effect::None));
    next(&arrow.record, &Event::Checked(check), rules, 0).unwrap()
}

#[test]
fn only_a_login_with_the_candidate_makes_it_current() {
    for rules in every_rules() {
        for state in every_state(&rules) {
            for (event, arrow) in arrows(&state, &rules) {
                assert_eq!(arrow.effect == Effect::Promote, event == Event::Checked(Check::Candidate), "{state:?}");
            }
        }
    }
}

#[test]
fn a_candidate_is_marked_as_sent_before_the_first_change_and_no_arrow_stores_another_beside_it() {
    for rules in every_rules() {
        for state in every_state(&rules) {
            for (_, arrow) in arrows(&state, &rules) {
                let is_first = arrow.to() == Phase::Changing && state.sends == 0;
                assert_eq!(arrow.effect == Effect::MarkSent, is_first, "{state:?}");
                if matches!(arrow.effect, Effect::StoreCandidate(_)) {
                    assert!(matches!(state.phase, Phase::Idle | Phase::Rejected), "{state:?}");
                }
            }
        }
    }
}

#[test]
fn a_candidate_is_rejected_only_if_it_did_not_log_in_since_it_was_sent() {
    for rules in every_rules() {
        for state in every_state(&rules) {
            for (event, arrow) in arrows(&state, &rules) {
                let was_tried = state.phase == Phase::Verifying && event != Event::Checked(Check::Candidate);
                assert!(arrow.effect != Effect::Reject || was_tried, "{event:?} in {state:?}");
            }
        }
    }
}

/// Without a human, every path from a request ends: in `Idle`, or where a human has to decide.
#[test]
fn no_path_goes_on_for_ever() {
    for rules in every_rules() {
        for cause in [Cause::Age, Cause::Parent, Cause::Reconciliation] {
            let opened = next(&Record::new(), &Event::Opened(cause), &rules, 0).unwrap();
            let longest = longest_path(&normal(&opened.record), &rules, &mut HashMap::new());
            assert!((8..60).contains(&longest), "{longest} steps");
        }
    }
}

/// Returns the number of arrows of the longest path from a state. Fails if there is a cycle.
fn longest_path(state: &Record, rules: &Rules, known: &mut HashMap<Record, Option<usize>>) -> usize {
    if state.phase == Phase::Idle {
        return 0;
    }
    if let Some(length) = known.get(state) {
        return length.unwrap_or_else(|| panic!("a path leads from {state:?} to itself"));
    }
    known.insert(state.clone(), None);
    // An identity is pinned once, which is no part of the record.
    let steps = arrows(state, rules).into_iter().filter(|(event, _)| !matches!(event, Event::Identified(_)));
    let longest = steps.map(|(_, arrow)| 1 + longest_path(&normal(&arrow.record), rules, known)).max().unwrap_or(0);
    known.insert(state.clone(), Some(longest));
    longest
}

#[test]
fn nothing_starts_before_it_is_due_or_without_a_decision() {
    for due_at in [Some(1), None] {
        for phase in Phase::ALL.iter().copied() {
            let record = Record { phase, due_at, ..Record::new() };
            assert_eq!(next(&record, &Event::Started, &rules(true, true), 0), Err(NotAllowed(phase)));
        }
    }
}

#[test]
fn a_crash_in_a_change_leads_to_a_check_and_one_in_a_check_to_a_pause() {
    let resumed = next(&changing(1), &Event::Resumed, &rules(true, true), 7).unwrap();
    assert_eq!((resumed.to(), resumed.record.due_at), (Phase::Verifying, Some(7)));
    let resumed = next(&resumed.record, &Event::Resumed, &rules(true, true), 7).unwrap();
    assert_eq!(resumed.to(), Phase::Unverified);
    assert!(resumed.record.due_at > Some(7));
}

#[test]
fn another_identity_stops_and_tells_a_human() {
    for rules in every_rules() {
        let arrow = changed(&changing(1), Failure::IdentityChanged, &rules);
        assert_eq!((arrow.to(), arrow.record.due_at), (Phase::IdentityChanged, None));
        assert_eq!(arrow.event, AuditEvent::IdentityChanged);
        assert!(arrow.is_alert());
        assert_eq!(arrows(&arrow.record, &rules), []);
    }
}

#[test]
fn each_refused_candidate_is_followed_by_one_of_another_shape_until_the_limit() {
    let rules = rules(true, false);
    let mut shapes = Vec::new();
    let mut record = changing(1);
    loop {
        let rejected = rejected(&record, Check::Current, &rules);
        assert_eq!(rejected.effect, Effect::Reject);
        let Ok(replaced) = next(&rejected.record, &Event::Started, &rules, 0) else { break };
        let Effect::StoreCandidate(shape) = replaced.effect else { panic!("no candidate") };
        shapes.push(shape);
        record = next(&replaced.record, &Event::Started, &rules, 0).unwrap().record;
    }
    assert_eq!(shapes, [Shape::Plain, Shape::Short]);
}

#[test]
fn a_shared_value_that_one_target_refuses_is_not_replaced() {
    let record = Record { cause: Some(Cause::Parent), ..changing(1) };
    let arrow = rejected(&record, Check::Current, &rules(true, true));
    assert!(arrow.record.needs_decision());
}

#[test]
fn a_refusal_for_an_account_whose_value_nobody_knows_is_followed_by_another_candidate_after_a_pause() {
    let (known, pause) = (changing(1), i64::try_from(Limits::default().check_pause.as_micros()).unwrap());
    for (can_reconcile, phase) in [(false, Phase::CandidateStored), (true, Phase::NeedsReconcile)] {
        let rules = rules(false, can_reconcile);
        let arrow = rejected(&known, Check::Neither, &rules);
        assert_eq!((arrow.effect, arrow.record.due_at), (Effect::Reject, Some(pause)));
        let replaced = next(&arrow.record, &Event::Started, &rules, pause).unwrap();
        assert_eq!((replaced.to(), replaced.effect), (phase, Effect::StoreCandidate(Shape::Plain)));
    }
}

#[test]
fn a_candidate_that_logs_in_is_in_force_though_the_target_has_refused_it() {
    let arrow = rejected(&changing(1), Check::Candidate, &rules(false, false));
    assert_eq!((arrow.to(), arrow.effect), (Phase::Current, Effect::Promote));
}

#[test]
fn a_refusal_of_a_candidate_that_was_sent_before_is_checked_later() {
    let arrow = changed(&changing(2), Failure::Rejected, &rules(true, true));
    assert_eq!((arrow.to(), arrow.effect), (Phase::Unverified, Effect::None));
    let due = Record { due_at: Some(0), ..arrow.record };
    let check = next(&due, &Event::Started, &rules(true, true), 0).unwrap();
    let is_there = next(&check.record, &Event::Checked(Check::Candidate), &rules(true, true), 0).unwrap();
    assert_eq!(is_there.effect, Effect::Promote);
    let is_not = next(&check.record, &Event::Checked(Check::Current), &rules(true, true), 0).unwrap();
    assert_eq!((is_not.to(), is_not.effect), (Phase::Rejected, Effect::Reject));
}

#[test]
fn a_minimum_age_and_a_locked_account_are_waited_for() {
    for (failure, pause) in
        [(Failure::TooEarly, Limits::default().too_early_pause), (Failure::Locked, Limits::default().locked_pause)]
    {
        let arrow = changed(&changing(1), failure, &rules(true, true));
        assert_eq!(arrow.to(), Phase::CandidateStored);
        assert_eq!(arrow.record.due_at, Some(i64::try_from(pause.as_micros()).unwrap()));
    }
}

#[test]
fn reconciliation_comes_after_the_last_check_and_sets_the_same_candidate() {
    let rules = rules(true, true);
    let verifying = Record { phase: Phase::Verifying, checks: 1, ..changing(1) };
    let needed = next(&verifying, &Event::Checked(Check::Neither), &rules, 0).unwrap();
    assert_eq!((needed.to(), needed.event), (Phase::NeedsReconcile, AuditEvent::ReconcileNeeded));
    let due = Record { due_at: Some(0), ..needed.record };
    let started = next(&due, &Event::Started, &rules, 0).unwrap();
    assert_eq!((started.to(), started.effect), (Phase::Changing, Effect::None));
}

#[test]
fn after_a_change_without_answer_the_next_rotation_waits() {
    let (rules, pause) = (rules(true, false), i64::try_from(Limits::default().check_pause.as_micros()).unwrap());
    for (problem, quiet) in
        [(None, None), (Some(Problem::Unknown), Some(pause)), (Some(Problem::Interrupted), Some(pause))]
    {
        let verifying = Record { phase: Phase::Verifying, problem, ..changing(1) };
        let current = next(&verifying, &Event::Checked(Check::Candidate), &rules, 0).unwrap();
        let idle = next(&current.record, &Event::Retired(Ok(())), &rules, 0).unwrap().record;
        assert_eq!((idle.phase, idle.due_at), (Phase::Idle, quiet));
        let opened = |now| next(&idle, &Event::Opened(Cause::Age), &rules, now);
        assert_eq!(opened(0).is_err(), quiet.is_some());
        assert!(opened(pause).is_ok());
    }
}

#[test]
fn without_reconciliation_a_human_decides() {
    let verifying = Record { phase: Phase::Verifying, checks: 1, ..changing(1) };
    let arrow = next(&verifying, &Event::Checked(Check::Neither), &rules(true, false), 0).unwrap();
    assert_eq!(arrow.to(), Phase::Unverified);
    assert!(arrow.record.needs_decision());
}

#[test]
fn a_human_decides_of_what_waits_and_never_of_what_runs() {
    let decisions = [Decision::AcceptCandidate, Decision::KeepCurrent, Decision::Retry];
    for phase in Phase::ALL.iter().copied() {
        let record = Record { phase, sends: 1, in_doubt: true, ..Record::new() };
        let is_running = matches!(phase, Phase::Idle | Phase::Changing | Phase::Verifying | Phase::Current);
        for decision in &decisions {
            let has_no_candidate = phase == Phase::Rejected && *decision == Decision::AcceptCandidate;
            let decided = decide(&record, decision, 7);
            assert_eq!(decided.is_err(), is_running || has_no_candidate, "{decision:?} in {phase}");
        }
        assert_eq!(decide(&record, &Decision::FollowDevice, 7), Err(NotAllowed(record.phase)));
        let trusted = decide(&record, &Decision::TrustIdentity(TargetIdentity("new".to_owned())), 7);
        assert_eq!(trusted.is_ok(), phase == Phase::IdentityChanged);
    }
}

#[test]
fn a_decision_ends_the_rotation_or_starts_it_again_with_fresh_bounds() {
    let stopped = Record { phase: Phase::Unverified, attempts: 4, checks: 2, due_at: None, ..changing(3) };
    let accepted = decide(&stopped, &Decision::AcceptCandidate, 7).unwrap();
    assert_eq!((accepted.to(), accepted.effect), (Phase::Idle, Effect::Promote));
    let kept = decide(&stopped, &Decision::KeepCurrent, 7).unwrap();
    assert_eq!((kept.to(), kept.effect), (Phase::Idle, Effect::Reject));
    let retried = decide(&stopped, &Decision::Retry, 7).unwrap().record;
    assert_eq!((retried.phase, retried.attempts, retried.checks, retried.due_at), (Phase::Unverified, 0, 0, Some(7)));
    assert_eq!(retried.sends, 3);
}
