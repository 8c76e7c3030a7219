use super::*;

fn key() -> DataKey {
    DataKey::generate()
}

fn chain_of(key: &DataKey, length: usize) -> Vec<AuditRow> {
    let mut head = ChainHead { chain: "node/0".into(), seq: 0, mac: vec![0; 32] };
    (0..length)
        .map(|number| {
            let record = Record {
                at: crate::clock::from_micros(1_000_000),
                request_id: format!("r{number}"),
                actor: "client".into(),
                source: "127.0.0.1".into(),
                family: "pam",
                action: "credential.read",
                object: format!("credential:{number}"),
                outcome: "ok".into(),
                reason: "a reason".into(),
                times: 1,
            };
            let row = seal(key, &head, &record);
            head = ChainHead { chain: row.chain.clone(), seq: row.seq, mac: row.mac.clone() };
            row
        })
        .collect()
}

fn check(key: &DataKey, rows: &[AuditRow], known: Vec<ChainHead>) -> Result<i64, Break> {
    let mut check = ChainCheck::new(key, "node/0", known);
    rows.iter().try_for_each(|row| check.next(row))?;
    check.end()
}

#[test]
fn an_untouched_chain_passes() {
    let key = key();
    assert_eq!(check(&key, &chain_of(&key, 5), vec![]), Ok(5));
    assert_eq!(check(&key, &[], vec![]), Ok(0));
}

#[test]
fn a_change_of_any_field_names_the_record() {
    let key = key();
    let changes: [fn(&mut AuditRow); 11] = [
        |row| row.at += 1,
        |row| row.request_id.push('x'),
        |row| row.actor = "other".into(),
        |row| row.source = "10.0.0.1".into(),
        |row| row.family = "ccp".into(),
        |row| row.action = "credential.save".into(),
        |row| row.object = "credential:9".into(),
        |row| row.outcome = "denied".into(),
        |row| row.reason = "another".into(),
        |row| row.times = 2,
        |row| row.mac[0] ^= 1,
    ];
    for change in changes {
        let mut rows = chain_of(&key, 4);
        change(&mut rows[2]);
        assert_eq!(check(&key, &rows, vec![]), Err(Break::Changed { chain: "node/0".into(), seq: 3 }));
    }
}

#[test]
fn bytes_cannot_wander_from_one_field_to_the_next() {
    let key = key();
    let mut rows = chain_of(&key, 1);
    rows[0].actor = "clien".into();
    rows[0].source = "t127.0.0.1".into();
    assert!(check(&key, &rows, vec![]).is_err());
}

#[test]
fn a_removed_record_and_a_swap_show() {
    let key = key();
    let mut removed = chain_of(&key, 4);
    removed.remove(1);
    assert_eq!(check(&key, &removed, vec![]), Err(Break::Gap { chain: "node/0".into(), expected: 2, found: 3 }));
    let mut swapped = chain_of(&key, 4);
    swapped.swap(1, 2);
    (swapped[1].seq, swapped[2].seq) = (2, 3);
    assert_eq!(check(&key, &swapped, vec![]), Err(Break::Changed { chain: "node/0".into(), seq: 2 }));
}

#[test]
fn a_cut_off_tail_shows_against_a_known_head() {
    let key = key();
    let rows = chain_of(&key, 4);
    let known = ChainHead { chain: "node/0".into(), seq: 4, mac: rows[3].mac.clone() };
    assert_eq!(check(&key, &rows, vec![known.clone()]), Ok(4));
    assert_eq!(check(&key, &rows[..3], vec![known]), Err(Break::CutOff { chain: "node/0".into(), end: 3, known: 4 }));
}

#[test]
fn a_chain_written_anew_shows_against_a_known_head() {
    let key = key();
    let known = ChainHead { chain: "node/0".into(), seq: 3, mac: chain_of(&key, 4)[3].mac.clone() };
    let result = check(&key, &chain_of(&key, 4), vec![known]);
    assert_eq!(result, Err(Break::Changed { chain: "node/0".into(), seq: 3 }));
}

#[test]
fn another_key_verifies_nothing() {
    let rows = chain_of(&key(), 1);
    assert!(check(&key(), &rows, vec![]).is_err());
}

#[test]
fn a_chain_may_begin_after_its_own_checkpoint_and_after_nothing_else() {
    let key = key();
    let rows = chain_of(&key, 5);
    let head =
        |seq: usize| ChainHead { chain: "node/0".into(), seq: rows[seq - 1].seq, mac: rows[seq - 1].mac.clone() };
    let check = |checkpoint: &Checkpoint, known: Vec<ChainHead>| {
        let mut check = ChainCheck::new(&key, "node/0", known).after(Some(checkpoint))?;
        rows[2..].iter().try_for_each(|row| check.next(row))?;
        check.end()
    };
    let genuine = super::super::seal_checkpoint(&key, head(2));
    assert_eq!(check(&genuine, vec![head(1), head(2), head(5)]), Ok(3));
    let forged = Break::ForgedCheckpoint { chain: "node/0".into(), seq: 2 };
    let other = ChainHead { mac: vec![7; 32], ..head(2) };
    assert_eq!(check(&genuine, vec![other.clone()]), Err(forged.clone()));
    assert_eq!(check(&Checkpoint { head: head(2), mac: head(2).mac }, vec![]), Err(forged.clone()));
    assert_eq!(check(&Checkpoint { head: other, ..genuine }, vec![]), Err(forged));
    let older = super::super::seal_checkpoint(&key, head(1));
    assert_eq!(check(&older, vec![]), Err(Break::Gap { chain: "node/0".into(), expected: 2, found: 3 }));
}
