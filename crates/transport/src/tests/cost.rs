//! What a message costs on the short way. Not a test but a measurement: run it in release, by name.

use super::*;

/// Processor time of this process so far.
fn processor() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    Duration::from_millis(ticks * 10)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement: cargo test --release -p rialto-transport cost -- --ignored --nocapture"]
async fn cost_of_a_message() {
    const SENDERS: usize = 16;
    const EACH: usize = 1500;
    let house = House::new().await;
    for n in 0..SENDERS {
        house.world.mailbox(&format!("m{n}")).await;
    }
    let house = Arc::new(house);
    let body =
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef01234567890123\r\n".repeat(128);
    let (begun, before) = (std::time::Instant::now(), processor());
    let mut senders = tokio::task::JoinSet::new();
    for n in 0..SENDERS {
        let (house, body) = (Arc::clone(&house), body.clone());
        senders.spawn(async move {
            let (door, session) = (house.transport.door(Arc::new(NoLogon)), session());
            for _ in 0..EACH {
                let mail = mail("x@ext.example", &[&format!("m{n}@rialto.test")], &body);
                door.accept(&session, mail).await.unwrap();
            }
        });
    }
    while let Some(done) = senders.join_next().await {
        done.unwrap();
    }
    let (wall, cpu) = (begun.elapsed(), processor() - before);
    let count = (SENDERS * EACH) as u32;
    println!(
        "{count} messages of {} bytes: {:.0}/s, {:?} processor time each",
        body.len(),
        f64::from(count) / wall.as_secs_f64(),
        cpu / count
    );
}
