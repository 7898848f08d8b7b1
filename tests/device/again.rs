//! The page for device codes after its user has decided.
use crate::support::{
    app::TestApp,
    device::{begin, decide, device_client, enter, poll_later, user_code},
};
use time::Duration;

#[tokio::test]
async fn a_code_that_is_entered_again_says_to_whoever_answered_what_they_said_and_to_nobody_else() {
    let t = TestApp::start().await;
    let tv = device_client(&t, "TV").await;
    for (said, told) in [("allow", "You allowed it, and that counts"), ("deny", "You said no, and that counts")] {
        let device = begin(&t, &tv, &[]).await;
        let mut alice = t.signed_in("alice").await;
        decide(&mut alice, &device, said).await;
        let unknown = enter(&mut t.signed_in("bob").await, "BBBB-BBBB").await;
        // Before the device fetched its tokens, and after.
        for _ in 0..2 {
            let again = enter(&mut alice, user_code(&device)).await;
            assert!(again.status == 409 && again.body.contains(told), "{again:?}");
            let other = enter(&mut t.signed_in("bob").await, user_code(&device)).await;
            assert!(
                other.status == unknown.status && other.body.contains("No device waits for this code"),
                "{other:?}"
            );
            poll_later(&t, &tv, &device).await;
        }
        t.app.clock.advance(Duration::minutes(10));
        enter(&mut t.signed_in("alice").await, user_code(&device)).await.page(400);
    }
}
