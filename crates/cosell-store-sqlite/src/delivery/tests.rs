use super::*;
use crate::log::plan;

#[test]
fn each_statement_about_deliveries_is_one_search_in_its_own_order() {
    for (sql, bounds) in [
        (target::TARGET, "(name=?)"),
        (KNOWN, "(seq=? AND target=?)"),
        (FIRST_OF_LANE, "(target=? AND lane=?)"),
        (OF_EVENT, "(seq=?)"),
        (read::DUE, "(target=? AND due_at<?)"),
        (read::OF_LANE, "(target=? AND lane=? AND seq>?)"),
        (read::NEXT, "(target=?)"),
        (read::BY_STATE, "(target=?)"),
        (read::list_sql(false), "(target=? AND state=? AND seq>?)"),
        (read::list_sql(true), "(target=? AND state=? AND seq<?)"),
    ] {
        let plan = plan(sql);
        assert!(
            plan.len() == 1 && plan[0].starts_with("SEARCH") && plan[0].contains(bounds),
            "{sql}\n{plan:?}"
        );
    }
    for sql in [read::OF_EVENT, target::TARGETS] {
        let plan = plan(sql);
        assert!(
            plan.iter().all(|line| line.starts_with("SEARCH")),
            "{sql}\n{plan:?}"
        );
    }
}
