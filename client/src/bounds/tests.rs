//! The deadline of the servers, and the patience for a person.
use super::*;
use std::future::pending;

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[tokio::test(start_paused = true)]
async fn work_without_end_ends_at_the_deadline_and_a_persons_time_is_not_counted() {
    let deadline = Deadline::new(seconds(5), seconds(100));
    let begun = Instant::now();
    let work = async {
        tokio::time::sleep(seconds(3)).await;
        deadline.person(Duration::MAX, tokio::time::sleep(seconds(60))).await?;
        tokio::time::sleep(seconds(1)).await;
        let nobody = deadline.person(seconds(10), pending::<()>()).await;
        assert_eq!(nobody.unwrap_err().code, "timeout");
        pending::<Result<()>>().await
    };
    assert_eq!(deadline.hold(work).await.unwrap_err().code, "timeout");
    assert_eq!(begun.elapsed().as_secs(), 75);
    let endless = Deadline::new(Duration::MAX, Duration::MAX);
    assert!(endless.hold(async { Ok(()) }).await.is_ok());
    assert!(endless.hold(endless.person(Duration::MAX, async {})).await.is_ok());
}
