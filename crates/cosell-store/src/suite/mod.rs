//! The contract as tests: generic functions that every backend must pass, stamped by [`store_contract_suite!`].
//!
//! Each function takes a store that is its own, fresh and empty. Nothing here may know a backend, and nothing may be
//! left out for one: a backend that cannot pass is not a store.
//!
//! [`store_contract_suite!`]: crate::store_contract_suite

// This is test code that happens to live in a library, so that several crates can run it.
// A test function's name is its documentation: a sentence that says what holds.
#![allow(clippy::unwrap_used, missing_docs)]

pub mod copy;
pub mod cosell;
pub mod counters;
pub mod deliveries;
pub mod events;
pub mod history;
pub mod jobs;
pub mod lanes;
pub mod lists;
pub mod model;
pub mod operator;
pub mod outbox;
pub mod pages;
pub mod properties;
pub mod records;
pub mod revisions;
pub mod shapes;
pub mod targets;
pub mod transfer;
pub mod upkeep;

use crate::{Changes, ColumnType, Key, Kind, ProgressFn, Record, Scope, Value, Write};
use bytes::Bytes;
use cosell_model::Timestamp;
use std::sync::Arc;

/// Stamps one test for each behaviour. The argument names an `async fn() -> std::sync::Arc<dyn cosell_store::Store>`
/// that makes a fresh, empty store; it must be visible where the macro stands. The crate needs `tokio` with `macros`.
#[macro_export]
macro_rules! store_contract_suite {
    ($make:ident) => {
        mod store_contract {
            use super::$make;
            $crate::store_contract_suite!(@async $make records
                a_record_reads_back_byte_for_byte
                an_absent_record_reads_as_none
                several_records_read_in_the_order_asked
                the_same_id_lives_apart_in_each_account_catalog_and_kind
                an_insert_of_a_known_key_conflicts
                a_replacement_of_a_stale_version_conflicts
                a_replacement_of_an_absent_record_conflicts
                a_deletion_removes_the_record_from_reads_and_lists
                a_deleted_key_can_be_inserted_again
                expectations_on_records_that_are_not_written_are_checked
                a_failed_expectation_leaves_nothing_behind
                a_refused_change_does_not_hurt_its_neighbours
                changes_that_break_the_contract_are_refused
                odd_texts_survive
                large_documents_survive
                a_write_is_seen_by_every_later_read
                writers_that_read_modify_and_write_lose_no_update
                of_many_inserts_of_one_key_exactly_one_lands
            );
            $crate::store_contract_suite!(@async $make lists
                an_empty_account_lists_nothing
                a_list_shows_summaries_and_versions_of_its_own_account_only
                every_sort_runs_both_ways_with_nulls_smallest
                a_page_has_the_size_asked_and_a_cursor_only_if_more_follows
                ranges_include_their_ends_and_never_match_null
                an_in_filter_without_values_matches_nothing
                repeated_values_in_a_filter_show_a_row_once
                a_cursor_of_a_deleted_row_still_continues
                an_updated_row_moves_in_every_order
                questions_that_break_the_contract_are_refused
                global_kinds_list_by_owner
                solutions_list_by_each_sort
            );
            $crate::store_contract_suite!(@async $make cosell
                every_kind_keeps_its_records_apart_from_the_others
                shared_kinds_belong_to_a_catalog_and_to_no_account
                an_engagement_and_the_rows_of_its_ten_members_change_together_or_not_at_all
                a_not_in_filter_shows_the_other_values_and_never_null
                engagements_list_by_creator_context_types_and_date
                a_participant_sees_sent_and_received_invitations_apart
                a_snapshot_is_listed_in_its_engagement_for_those_who_may_see_it
            );
            $crate::store_contract_suite!(@async $make outbox
                events_are_numbered_from_one_without_gaps
                events_of_a_refused_change_do_not_exist
                a_waiting_reader_gets_the_next_event
                a_reader_that_waits_for_what_is_there_returns_at_once
                audit_entries_read_back_in_order
                a_kept_answer_reads_back_until_it_expires
                a_taken_token_refuses_the_whole_change
                an_expired_token_is_free_again
                tokens_are_apart_by_account_and_operation
                expired_answers_do_not_hide_live_ones_when_many_are_pruned
                sequences_start_at_one_and_never_repeat
                sequences_never_repeat_among_many_takers
            );
            $crate::store_contract_suite!(@async $make jobs
                a_job_is_claimed_when_it_is_due_and_not_before
                jobs_are_claimed_longest_due_first_and_up_to_the_limit
                a_claimed_job_is_nobody_elses_until_its_lease_ends
                a_finished_job_goes_in_the_same_change_as_its_effect
                a_claim_that_was_overtaken_cannot_finish
                a_job_that_nobody_claimed_cannot_be_finished
                a_job_put_off_keeps_its_count
                a_job_enqueued_again_is_replaced
                the_next_due_time_follows_claims_and_ends
                many_workers_share_the_jobs_without_overlap
            );
            $crate::store_contract_suite!(@async $make counters
                a_counter_swaps_from_the_value_it_has_and_tells_it_otherwise
                counters_are_apart_by_account_and_name
                of_many_counts_none_is_lost
                counters_are_pruned_by_their_time_and_only_those
                many_counters_are_pruned_too
                counters_that_break_the_contract_are_refused
                counters_outlast_a_reset_and_an_import
                the_stores_clock_is_there_always_or_never_and_goes_on
            );
            $crate::store_contract_suite!(@async $make operator
                an_opportunity_is_found_by_the_partners_own_identifier_as_it_changes
                the_review_queue_shows_the_oldest_first_and_narrows_by_status_account_and_company
                each_of_two_connected_accounts_finds_the_connection
                jobs_are_claimed_in_the_order_of_their_times_even_after_a_lease_ran_out
                jobs_of_the_same_time_are_claimed_in_the_order_of_their_ids
                jobs_are_listed_with_who_holds_them
                the_audit_log_is_read_by_account_and_time_in_both_directions
                the_audit_log_is_paged_without_loss_among_entries_of_one_time
                a_pruned_audit_log_keeps_what_is_younger_and_never_repeats_a_number
                a_reset_erases_one_account_in_one_catalog_and_nothing_else
                a_reset_of_a_catalog_erases_what_its_accounts_share
                a_reset_of_everything_leaves_identities_settings_and_the_audit_log
                a_large_reset_finishes_too
                events_after_a_reset_have_new_numbers
            );
            $crate::store_contract_suite!(@async $make history
                kinds_with_a_history_keep_every_version_and_the_others_the_present_one
                histories_are_apart_by_kind_account_and_catalog
                of_a_key_that_was_used_again_the_later_version_is_read
                a_refused_change_leaves_no_former_version
                former_versions_are_pruned_by_the_time_of_the_change_that_ended_them
                many_former_versions_are_pruned_too
                a_reset_erases_former_versions_of_what_it_erases
                a_check_looks_into_former_versions
            );
            $crate::store_contract_suite!(@async $make events
                an_event_is_found_by_its_id
                the_id_of_an_event_is_its_own_and_a_taken_one_refuses_the_change
                events_are_read_by_account_and_time_in_both_directions
                a_filter_that_finds_little_ends_a_page_early_and_goes_on
                pruned_events_go_with_their_deliveries_and_numbers_never_repeat
            );
            $crate::store_contract_suite!(@async $make targets
                a_target_opens_once_and_keeps_its_place
                a_lease_is_one_workers_until_it_ends
                a_lease_that_runs_for_too_long_was_given_by_a_wrong_clock_and_keeps_nobody_off
                only_the_present_lease_settles
                a_status_set_by_people_overtakes_the_holder
                a_dropped_target_is_gone_and_starts_anew
                deliveries_go_to_another_store_and_leases_do_not
                an_import_refuses_deliveries_of_nothing
            );
            $crate::store_contract_suite!(@async $make deliveries
                a_settlement_moves_the_cursor_forward_only_and_counts
                settlements_that_break_the_contract_are_refused_whole
                of_a_lane_only_the_first_is_due
                what_people_park_waits_again
                deliveries_are_listed_by_target_and_by_event_in_both_directions
                deliveries_go_with_their_events_in_a_reset
            );
            $crate::store_contract_suite!(@sync $make lanes
                random_settlements_keep_every_lane_in_order
            );
            $crate::store_contract_suite!(@async $make transfer
                an_export_hands_out_items_in_a_fixed_order
                an_export_is_one_moment_while_writes_go_on
                an_export_ends_with_the_error_of_its_sink
                an_import_that_fails_leaves_everything_as_it_was
                an_import_that_relies_on_what_was_changed_since_takes_nothing_in
                a_changed_file_is_refused_and_changes_nothing
                an_empty_import_leaves_nothing
                many_new_records_come_in_at_once_and_a_known_key_is_named
                released_claims_are_due_at_their_own_times_in_their_old_order
            );
            $crate::store_contract_suite!(@pair $make transfer
                a_state_goes_to_another_store_byte_for_byte_and_works_there
                random_states_go_round_byte_for_byte
            );
            $crate::store_contract_suite!(@async $make revisions
                changes_of_what_servers_remember_are_counted_and_no_others
                an_import_is_an_exchange_and_who_did_it_goes_on
                counts_belong_to_the_store_and_not_to_the_state_in_it
                a_job_is_found_by_its_id_waiting_or_claimed
            );
            $crate::store_contract_suite!(@async $make upkeep
                a_check_of_a_sound_store_counts_records_and_finds_nothing
                a_check_finds_documents_that_are_not_json
                a_check_looks_into_every_kind
                a_backup_refuses_a_path_that_exists
                a_closed_store_has_finished_what_it_accepted_and_takes_no_more
            );
            $crate::store_contract_suite!(@sync $make properties
                random_changes_do_what_the_model_does
                pages_show_every_row_once_whatever_is_inserted_meanwhile
                pages_of_a_large_account_equal_a_naive_filter_and_sort
            );
            $crate::store_contract_suite!(@sync $make pages
                pages_of_every_list_equal_a_naive_filter_and_sort
                pages_of_every_list_show_each_row_once_whatever_is_inserted_meanwhile
            );
        }
    };
    (@copy $make:ident $($name:ident)*) => {
        $(
            #[tokio::test]
            async fn $name() {
                $crate::suite::copy::$name([$make().await, $make().await]).await;
            }
        )*
    };
    (@async $make:ident $module:ident $($name:ident)*) => {
        $(
            #[tokio::test]
            async fn $name() {
                $crate::suite::$module::$name($make().await).await;
            }
        )*
    };
    (@sync $make:ident $module:ident $($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                let store = runtime.block_on($make());
                $crate::suite::$module::$name(&runtime, &store);
            }
        )*
    };
    (@pair $make:ident $module:ident $($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                let stores = runtime.block_on(async { [$make().await, $make().await] });
                $crate::suite::$module::$name(&runtime, stores);
            }
        )*
    };
}

/// Stamps one test for each behaviour of a store that a copy fills. The argument names an
/// `async fn() -> std::sync::Arc<dyn cosell_store::copy::CopyTarget>`, as that of [`store_contract_suite!`].
///
/// [`store_contract_suite!`]: crate::store_contract_suite
#[macro_export]
macro_rules! store_copy_suite {
    ($make:ident) => {
        mod store_copy {
            use super::$make;
            $crate::store_contract_suite!(@copy $make
                a_copy_holds_the_same_and_goes_on_working
                a_copy_that_is_cut_off_anywhere_goes_on_where_it_was
                a_target_with_something_in_it_is_refused_and_left_alone
                a_source_that_was_changed_meanwhile_is_noticed_and_a_new_beginning_helps
                of_two_copies_into_one_target_one_goes_on
                what_was_written_meanwhile_is_named_and_leaves_the_copy_unfinished
                a_copy_of_nothing_is_a_store_that_holds_nothing
                a_step_that_does_not_fit_changes_nothing
            );
        }
    };
}

/// The account most tests write to.
pub const ACCOUNT: &str = "111122223333";
/// Another account.
pub const OTHER: &str = "444455556666";
/// The catalog most tests write to.
pub const CATALOG: &str = "Sandbox";

/// A moment, in milliseconds after an arbitrary start.
pub fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000 + millis)
}

/// Bytes of a text.
pub fn bytes(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

/// The key of an opportunity in the usual account and catalog.
pub fn key(id: &str) -> Key {
    Key::new(Kind::Opportunity, ACCOUNT, CATALOG, id)
}

/// An opportunity with a document that names its id and version.
pub fn opportunity(key: Key, version: u64) -> Record {
    let document = bytes(&format!(r#"{{"Id":"{}","Version":{version}}}"#, key.id));
    let summary = bytes(&format!(r#"{{"Id":"{}"}}"#, key.id));
    Record {
        key,
        version,
        document,
        summary,
        private: bytes("{}"),
        columns: vec![
            ("last_modified", Value::Integer(0)),
            ("created", Value::Integer(0)),
        ],
    }
}

/// The account and catalog in which tests keep records of a kind.
pub fn place(kind: Kind) -> (&'static str, &'static str) {
    match kind.spec().scope {
        Scope::Global => ("", ""),
        Scope::Account => (ACCOUNT, ""),
        Scope::Catalog => (ACCOUNT, CATALOG),
        Scope::Shared => ("", CATALOG),
    }
}

/// A record of any kind, with the least values in its columns.
pub fn sample(kind: Kind, id: &str) -> Record {
    let (account, catalog) = place(kind);
    let mut record = opportunity(Key::new(kind, account, catalog, id), 1);
    let columns = kind.spec().columns.iter().filter(|c| !c.nullable);
    record.columns = columns
        .map(|c| match c.ty {
            ColumnType::Text => (c.name, Value::from("")),
            ColumnType::Integer => (c.name, Value::Integer(0)),
        })
        .collect();
    record
}

/// The same record with some columns set.
pub fn with(mut record: Record, columns: Vec<(&'static str, Value)>) -> Record {
    for (name, value) in columns {
        record.columns.retain(|(n, _)| *n != name);
        record.columns.push((name, value));
    }
    record
}

/// A change of these writes.
pub fn writes(writes: Vec<Write>) -> Changes {
    Changes {
        writes,
        ..Changes::default()
    }
}

/// A change that inserts one record.
pub fn insert(record: Record) -> Changes {
    writes(vec![Write::Insert(record)])
}

/// A progress function that does nothing.
pub fn silent() -> ProgressFn {
    Arc::new(|_| {})
}
