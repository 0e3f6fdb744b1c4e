//! The schedule by example, and used at random.

use base::{EnhancedTimeSpan, Guid};

use super::{super::status::QueueStatus, *};

const T0: Timestamp = Timestamp::from_secs(1_000_000);

fn at(secs: i64) -> Timestamp {
    T0.plus(EnhancedTimeSpan::from_secs(secs))
}

fn domain(name: &str) -> Hop {
    Hop::Domain(Guid::EMPTY, name.parse().unwrap())
}

fn ready() -> Next {
    Next::Ready { deadline: at(10_000) }
}

fn drain(schedule: &mut Schedule, now: Timestamp) -> Vec<Job> {
    std::iter::from_fn(|| schedule.take(now)).collect()
}

#[test]
fn batches_go_to_each_hop_in_turn_and_within_its_limit() {
    let settings = QueueSettings { max_per_domain_outbound_connections: 2, ..QueueSettings::default() };
    let mut schedule = Schedule::new(settings);
    for id in 1..=70 {
        schedule.insert(&domain("a.example"), id, ready());
    }
    schedule.insert(&domain("b.example"), 71, ready());
    let jobs = drain(&mut schedule, T0);
    let shape: Vec<_> = jobs.iter().map(|job| (job.queue, job.ids.len())).collect();
    assert_eq!(shape, [(1, 20), (2, 1), (1, 20)]);
    let ids = jobs[0].ids.clone();
    schedule.end(&jobs[0], ids.into_iter().map(|id| (id, Next::Done)));
    assert_eq!(drain(&mut schedule, T0).len(), 1);
    assert_eq!(schedule.list(T0)[1].message_count, 50);
}

#[test]
fn the_total_of_connections_is_kept_and_does_not_starve_local_delivery() {
    let settings = QueueSettings { max_outbound_connections: 1, ..QueueSettings::default() };
    let mut schedule = Schedule::new(settings);
    schedule.insert(&domain("a.example"), 1, ready());
    schedule.insert(&domain("b.example"), 2, ready());
    schedule.insert(&Hop::Mailbox(Guid::EMPTY), 3, ready());
    let jobs = drain(&mut schedule, T0);
    assert_eq!(jobs.iter().map(|job| job.ids[0]).collect::<Vec<_>>(), [1, 3]);
    schedule.end(&jobs[0], [(1, Next::Done)]);
    assert_eq!(drain(&mut schedule, T0)[0].ids, [2]);
}

#[test]
fn a_hop_that_fails_rests_and_is_probed_by_one_connection() {
    let mut schedule = Schedule::new(QueueSettings::default());
    for id in 1..=40 {
        schedule.insert(&domain("a.example"), id, ready());
    }
    let jobs = drain(&mut schedule, T0);
    assert_eq!(jobs.len(), 2);
    for job in &jobs {
        schedule.hop_failed(job.queue, T0, "451 4.4.0 refused");
        schedule.end(job, job.ids.iter().map(|id| (*id, ready())));
    }
    let info = schedule.list(T0).remove(1);
    assert_eq!((info.status, info.message_count, info.retry_count), (QueueStatus::Retry, 40, 1));
    assert_eq!((info.last_retry, info.next_retry), (Some(T0), Some(at(60))));
    assert_eq!(drain(&mut schedule, at(59)), []);
    assert_eq!(schedule.next_due(), Some(at(60)));
    let probe = drain(&mut schedule, at(60));
    assert_eq!(probe.len(), 1);
    schedule.hop_answered(probe[0].queue);
    assert_eq!(drain(&mut schedule, at(60)).len(), 1);
}

#[test]
fn a_mailbox_database_is_asked_again_soon_however_often_it_failed_and_at_once_where_it_has_moved() {
    let mut schedule = Schedule::new(QueueSettings::default());
    schedule.insert(&Hop::Mailbox(Guid::EMPTY), 1, ready());
    let mut now = 0;
    for pause in [[1; 10], [5; 10]].concat() {
        let job = schedule.take(at(now)).unwrap();
        schedule.hop_failed(job.queue, at(now), "432 4.3.2 STOREDRV; the disk is full");
        schedule.end(&job, [(1, ready())]);
        now += pause;
        assert_eq!(schedule.next_due(), Some(at(now)));
    }
    assert_eq!(schedule.take(at(now - 1)), None);
    schedule.hop_changed(&Hop::Mailbox(Guid::EMPTY));
    let job = schedule.take(at(now - 1)).unwrap();
    schedule.hop_failed(job.queue, at(now - 1), "x");
    schedule.end(&job, [(1, ready())]);
    assert_eq!(schedule.next_due(), Some(at(now)), "it begins anew");
}

#[test]
fn deadlines_bring_reviews_even_while_the_hop_rests() {
    let mut schedule = Schedule::new(QueueSettings::default());
    schedule.insert(&domain("a.example"), 1, Next::Ready { deadline: at(30) });
    let job = schedule.take(T0).unwrap();
    schedule.hop_failed(job.queue, T0, "x");
    schedule.end(&job, [(1, Next::Ready { deadline: at(30) })]);
    assert_eq!(schedule.take(at(29)), None);
    let review = schedule.take(at(30)).unwrap();
    assert_eq!((review.kind, &review.ids[..]), (JobKind::Review, &[1][..]));
    schedule.end(&review, [(1, Next::Done)]);
    assert!(schedule.is_empty());
    assert_eq!(schedule.next_due(), None, "no timer is left behind");
}

#[test]
fn waiting_messages_come_up_in_time() {
    let mut schedule = Schedule::new(QueueSettings::default());
    let hop = Hop::Mailbox(Guid::EMPTY);
    schedule.insert(&hop, 1, Next::At { due: at(600), deadline: at(10_000) });
    assert_eq!(schedule.take(at(599)), None);
    assert_eq!(schedule.take(at(600)).unwrap().ids, [1]);
}

#[test]
fn what_comes_while_a_message_is_active_is_not_forgotten() {
    let mut schedule = Schedule::new(QueueSettings::default());
    schedule.insert(&Hop::Mailbox(Guid::EMPTY), 1, ready());
    let job = schedule.take(T0).unwrap();
    schedule.insert(&Hop::Mailbox(Guid::EMPTY), 1, ready());
    assert_eq!(schedule.take(T0), None);
    schedule.end(&job, [(1, Next::Done)]);
    assert_eq!(schedule.take(T0).unwrap().ids, [1]);
}

#[test]
fn administrators_hold_and_release() {
    let mut schedule = Schedule::new(QueueSettings::default());
    let hop = domain("a.example");
    schedule.insert(&hop, 1, ready());
    schedule.insert(&hop, 2, Next::At { due: at(600), deadline: at(10_000) });
    schedule.suspend_queue(&hop, true);
    assert_eq!(schedule.take(T0), None);
    assert_eq!(schedule.list(T0)[1].status, QueueStatus::Suspended);
    schedule.suspend_message(1);
    schedule.suspend_queue(&hop, false);
    assert_eq!(schedule.take(T0), None);
    assert_eq!(schedule.list(T0)[1].suspended_count, 1);
    schedule.retry(1);
    let job = schedule.take(T0).unwrap();
    assert_eq!(job.ids, [2]);
    // Suspended while it is on its way: it is held when it comes back.
    schedule.suspend_message(2);
    schedule.end(&job, [(2, ready())]);
    assert_eq!(schedule.take(T0), None);
    schedule.resume_message(1, 1, at(10_000));
    assert_eq!(schedule.take(T0).unwrap().ids, [1]);
    assert_eq!(schedule.claim(1, 1), None, "an active message can't be claimed");
    assert_eq!(schedule.claim(1, 2).unwrap().ids, [2]);
}

#[test]
fn suspects_are_tried_alone_one_at_a_time() {
    let mut schedule = Schedule::new(QueueSettings::default());
    let hop = domain("a.example");
    [2, 4].into_iter().for_each(|id| schedule.suspect(id));
    (1..=5).for_each(|id| schedule.insert(&hop, id, ready()));
    schedule.insert(&Hop::Mailbox(Guid::EMPTY), 4, ready());
    let jobs = drain(&mut schedule, T0);
    let ids: Vec<_> = jobs.iter().map(|job| &job.ids[..]).collect();
    assert_eq!(
        ids,
        [&[1, 3, 5][..], &[4], &[]].into_iter().filter(|ids| !ids.is_empty()).collect::<Vec<_>>()
    );
    // The trial is over; the next one may begin, in another queue too.
    assert!(schedule.trust(4) && !schedule.trust(4));
    schedule.end(&jobs[1], [(4, Next::Done)]);
    let next = drain(&mut schedule, T0);
    assert_eq!(next.iter().map(|job| &job.ids[..]).collect::<Vec<_>>(), [[2], [4]]);
}

#[test]
fn random_use_never_loses_a_message_or_leaves_a_timer() {
    use base::Rng;
    for seed in 0..200 {
        let rng = base::rng::SeededRng::new(seed);
        let mut schedule = Schedule::new(QueueSettings::default());
        let hops = [Hop::Submission, Hop::Mailbox(Guid::EMPTY), domain("a.example"), domain("b.example")];
        let (mut now, mut jobs, mut inside) = (T0, Vec::new(), BTreeSet::new());
        let next = |now: Timestamp| match rng.below(3) {
            0 => Next::Ready { deadline: now.plus(EnhancedTimeSpan::from_secs(rng.below(500) as i64)) },
            1 => Next::At {
                due: now.plus(EnhancedTimeSpan::from_secs(rng.below(300) as i64)),
                deadline: now.plus(EnhancedTimeSpan::from_secs(rng.below(500) as i64)),
            },
            _ => Next::Done,
        };
        for step in 1..400_u64 {
            match rng.below(5) {
                0 => {
                    let hop = rng.below(4) as usize;
                    schedule.insert(&hops[hop], step, ready());
                    inside.insert((hops[hop].clone(), step));
                }
                1 => now = now.plus(EnhancedTimeSpan::from_secs(rng.below(100) as i64)),
                2 | 3 => jobs.extend(schedule.take(now)),
                _ if !jobs.is_empty() => {
                    let job: Job = jobs.swap_remove(rng.below(jobs.len() as u64) as usize);
                    if rng.below(3) == 0 {
                        schedule.hop_failed(job.queue, now, "x");
                    }
                    let outcomes: Vec<_> = job.ids.iter().map(|id| (*id, next(now))).collect();
                    for (id, _) in outcomes.iter().filter(|(_, next)| *next == Next::Done) {
                        inside.remove(&(job.hop.clone(), *id));
                    }
                    schedule.end(&job, outcomes);
                }
                _ => {}
            }
            assert_eq!(schedule.len(), inside.len(), "seed {seed} step {step}");
        }
        for job in jobs.drain(..) {
            schedule.end(&job, job.ids.iter().map(|id| (*id, ready())));
        }
        // Everything that is left comes up in the end, each once.
        now = now.plus(EnhancedTimeSpan::from_days(1));
        while let Some(job) = schedule.take(now) {
            schedule.end(&job, job.ids.iter().map(|id| (*id, Next::Done)));
        }
        assert!(schedule.is_empty() && schedule.next_due().is_none(), "seed {seed}: {schedule:?}");
    }
}
