//! The signals that ask a program to stop: Ctrl-C, and the one that service managers and container engines send.
use std::{future::Future, io};

/// A future that is ready once the program is asked to stop. The signals are heard from this call on. Process 1 hears
/// them too, for which the system does nothing by itself.
pub fn asked_to_stop() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        Ok(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        })
    }
    #[cfg(not(unix))]
    Ok(async {
        let _ = tokio::signal::ctrl_c().await;
    })
}
