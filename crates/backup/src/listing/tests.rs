use serde_json::json;

use super::*;

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

fn chains(listing: &mut Listing) -> Vec<Option<String>> {
    let mut asked = BTreeSet::new();
    let mut chains = Vec::new();
    while let Some((prefix, _)) = listing.next_page(&asked, NOW) {
        chains.push(prefix.filter());
        asked.insert(prefix);
    }
    chains
}

fn listed(listing: &mut Listing) {
    while let Some((prefix, _)) = listing.next_page(&BTreeSet::new(), NOW) {
        listing.advance(&prefix, None, NOW, 3);
    }
    assert!(listing.is_at_its_end());
}

#[test]
fn the_chains_of_all_prefixes_are_every_sub_once_and_sixteen_go_side_by_side() {
    for digits in [1, 2, 3] {
        let mut listing = Listing::by_prefix(digits, None, NOW);
        let sub = "a4f8e4d8-60a1-70f2-9d0e-0123456789ab";
        let user = json!({"Attributes": [{"Name": "sub", "Value": sub}]});
        let holders = listing.left.iter().filter(|prefix| prefix.holds(&user));
        assert_eq!(holders.count(), 1);
        assert_eq!(listing.left.len(), 16_usize.pow(digits));
        assert_eq!(chains(&mut listing).len(), 16);
    }
    let mut listing = Listing::by_prefix(1, None, NOW);
    assert_eq!(chains(&mut listing)[10].as_deref(), Some("sub ^= \"a\""));
    let mut all = Listing::of_all(UsersListing::OneChain);
    assert_eq!(chains(&mut all), [None]);
    let mut shard = Listing::of_shard("2/8".parse().unwrap());
    let filters = ["2", "3"].map(|digit| Some(format!("sub ^= \"{digit}\"")));
    assert_eq!(chains(&mut shard), filters);
}

#[test]
fn the_chain_that_waits_longest_is_next_and_one_that_begins_again_is_alone() {
    let mut listing = Listing::by_prefix(1, None, NOW);
    let later = NOW + SignedDuration::from_secs(5);
    let (first, _) = listing.next_page(&BTreeSet::new(), NOW).unwrap();
    let asked = BTreeSet::from([first.clone()]);
    let (second, _) = listing.next_page(&asked, NOW).unwrap();
    listing.advance(&first, Some("t".into()), later, 60);
    listing.advance(&second, Some("u".into()), NOW, 60);
    let (next, position) = listing.next_page(&BTreeSet::new(), later).unwrap();
    assert_eq!(
        (next, position.token.as_deref()),
        (second.clone(), Some("u"))
    );
    let old = later + TOKEN_LIVES;
    assert!(position.is_stale(old));
    assert!(listing.begin_again(&second, old));
    assert_eq!(listing.open[&second].token, None);
    assert_eq!(listing.open[&first].token.as_deref(), Some("t"));
    for _ in 2..BEGINNINGS {
        assert!(listing.begin_again(&second, old));
    }
    assert!(!listing.begin_again(&second, old));
}

#[test]
fn what_was_found_is_enough_by_number_or_is_checked() {
    let enough = |expected, known| {
        let mut listing = Listing::by_prefix(1, expected, NOW);
        listed(&mut listing);
        (!listing.goes_on_to_check(known)).then(|| listing.outcome().unwrap())
    };
    let by_estimate = UsersListing::ByPrefix {
        chains: 16,
        checked: ListingCheck::Estimate,
    };
    assert_eq!(enough(Some(7), 7), Some(by_estimate));
    assert_eq!(enough(Some(7), 6), None);
    assert_eq!(enough(None, 1_000_000), None);
}

#[test]
fn users_who_were_created_meanwhile_do_not_make_up_for_others() {
    let mut listing = Listing::by_prefix(1, Some(7), NOW);
    listing.found(&json!({"UserCreateDate": 60.5}));
    listing.found(&json!({"UserCreateDate": -60.5}));
    listed(&mut listing);
    assert!(listing.goes_on_to_check(7));
}

#[test]
fn a_user_who_was_there_before_and_is_found_by_the_check_only_was_left_out() {
    let began: Timestamp = "2026-03-07T09:00:00Z".parse().unwrap();
    let created = |minutes: i64| {
        let at = began + SignedDuration::from_mins(minutes);
        json!({"UserCreateDate": at.as_second() as f64 + 0.5})
    };
    for (users, left_out) in [
        (vec![], 0),
        (vec![created(-5), created(3)], 0),
        (vec![created(-60), created(3)], 1),
        (vec![json!({})], 1),
    ] {
        let mut listing = Listing::by_prefix(1, None, began);
        listed(&mut listing);
        assert!(listing.goes_on_to_check(5));
        users.iter().for_each(|user| listing.found(user));
        assert_eq!(chains(&mut listing), [None]);
        listed(&mut listing);
        assert!(!listing.goes_on_to_check(5));
        let outcome = match left_out {
            0 => UsersListing::ByPrefix {
                chains: 16,
                checked: ListingCheck::AllUsersListed,
            },
            users => UsersListing::FellBack {
                problem: PrefixProblem::LeftOut { users },
            },
        };
        assert_eq!(listing.outcome(), Some(outcome));
    }
}

#[test]
fn pages_that_are_nearly_empty_are_noticed() {
    let mut listing = Listing::by_prefix(1, None, NOW);
    let (prefix, _) = listing.next_page(&BTreeSet::new(), NOW).unwrap();
    for page in 0..ENOUGH_PAGES {
        assert!(!listing.is_sparse(), "{page}");
        listing.advance(&prefix, Some(page.to_string()), NOW, 4);
    }
    assert!(listing.is_sparse());
}

#[test]
fn where_the_listings_stand_is_the_same_after_it_was_saved() {
    let mut listing = Listing::by_prefix(2, Some(5), NOW);
    chains(&mut listing);
    let saved = serde_json::to_vec(&listing).unwrap();
    assert_eq!(serde_json::from_slice::<Listing>(&saved).unwrap(), listing);
}
