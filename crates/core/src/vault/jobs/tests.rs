use super::*;

#[test]
fn the_pause_doubles_up_to_an_hour() {
    let seconds = |attempts| pause_after(attempts).as_secs();
    assert_eq!([seconds(0), seconds(1), seconds(2), seconds(3)], [5, 5, 10, 20]);
    assert_eq!((seconds(11), seconds(12), seconds(i32::MAX)), (3600, 3600, 3600));
}
