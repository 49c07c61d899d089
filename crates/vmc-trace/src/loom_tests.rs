//! The order of records in every interleaving of two actors, under loom.

use crate::Order;
use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread;
use std::sync::Arc;

/// What carries a cause from one actor to another: it orders what was before with what comes after.
#[test]
fn an_effect_has_a_larger_number_than_its_cause() {
    loom::model(|| {
        let order = Order::default();
        let carrier = Arc::new(AtomicBool::new(false));
        let causes = thread::spawn({
            let (order, carrier) = (order.clone(), carrier.clone());
            move || {
                let number = order.next();
                carrier.store(true, Ordering::Release);
                number
            }
        });
        let effect = carrier.load(Ordering::Acquire).then(|| order.next());
        let cause = causes.join().unwrap();
        assert!(effect.is_none_or(|effect| cause < effect));
    });
}

#[test]
fn no_two_records_have_one_number() {
    loom::model(|| {
        let order = Order::default();
        let other = thread::spawn({
            let order = order.clone();
            move || order.next()
        });
        let mine = order.next();
        assert_ne!(other.join().unwrap(), mine);
        assert_eq!(order.next(), 2);
    });
}
