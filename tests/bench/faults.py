"""The faults that mlxtop has to survive, each with the test that injects it."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

TABLE: Mapping[str, str] = {
    "reader raises": (
        "test_faults_sampler::test_a_reader_that_raises_anything_is_told_and_the_rest_goes_on"
    ),
    "reader fails with an errno": (
        "test_live::test_a_reader_that_fails_is_told_and_the_rest_is_there"
    ),
    "discovery raises": (
        "test_faults_sampler::test_a_discovery_that_stumbles_leaves_the_count_going"
    ),
    "garbage in every parser and decoder": "test_faults_parsers::test_no_parser_raises",
    "garbage and errors from a whole machine": (
        "test_faults_readers::test_a_machine_that_lies_and_fails_is_still_shown"
    ),
    "reader hangs for 60 s": (
        "test_faults_sampler::test_readers_that_hang_for_a_minute_are_asked_once_and_come_back"
    ),
    "reader hangs while the screen is quit": (
        "test_faults_terminal::test_quitting_is_quick_while_readers_hang"
    ),
    "D-state read and other faults of cards in a real kernel": (
        "test_faults_vm::test_cards_that_fail_in_a_real_kernel_are_told_and_everything_recovers"
    ),
    "quitting while the kernel holds a read (D state)": (
        "test_faults_vm::test_the_terminal_is_free_at_once_while_the_kernel_holds_a_thread"
    ),
    "tool missing": "test_faults_tools::test_a_tool_that_is_missing_is_told",
    "tool hanging, printing 100 MB, printing escapes, dying": (
        "test_faults_tools::test_a_tool_that_fails_in_any_way_is_a_reason_in_one_line"
    ),
    "the same of a configuration tool": (
        "test_faults_tools::test_a_configuration_tool_that_fails_in_any_way_says_why"
    ),
    "the same under the sampler and the screen's pages": (
        "test_faults_tools::test_the_sampler_goes_on_and_nothing_of_a_tool_reaches_the_terminal_unclean"
    ),
    "the same of iperf3": (
        "test_faults_iperf3::test_an_iperf3_that_fails_in_any_way_is_one_line_and_leaves_nobody"
    ),
    "iperf3 missing": "test_faults_iperf3::test_an_iperf3_that_is_missing_is_one_line",
    "megabytes that a parser is slow with": (
        "test_faults_parsers::test_a_tool_that_prints_megabytes_does_not_hold_its_parser"
    ),
    "command that ignores SIGTERM, with children": (
        "test_system_commands::test_one_that_ignores_the_signal_is_killed_with_its_children"
    ),
    "port removed in mid-read": (
        "test_faults_ports::test_ports_removed_in_mid_read_are_gone_and_the_others_go_on"
    ),
    "port renamed, moved to another namespace and back": (
        "test_faults_ports::test_a_rename_a_move_to_another_namespace_and_a_return_are_followed"
    ),
    "device taken away and made again": (
        "test_faults_ports::test_a_driver_that_takes_a_device_away_under_the_reader_is_an_error_and_no_crash"
    ),
    "hot unplug in a real kernel": (
        "test_vm_see::test_cards_of_a_running_kernel_are_found_followed_and_survive_hot_removal"
    ),
    "1000 link flaps a minute": (
        "test_faults_ports::test_a_thousand_flaps_are_counted_and_delay_no_sample"
    ),
    "uevent storm": "test_faults_sampler::test_a_storm_of_events_makes_one_look_a_sample",
    "events dropped by the kernel (ENOBUFS)": (
        "test_system_events::test_events_that_the_kernel_drops_are_told_as_lost"
    ),
    "counters reset": (
        "test_faults_sampler::test_counters_that_are_reset_are_a_gap_and_never_a_spike"
    ),
    "counters wrapped": (
        "test_faults_sampler::test_a_counter_of_64_bits_that_wraps_is_a_gap_at_worst"
    ),
    "counters saturated": (
        "test_faults_sampler::test_a_counter_that_has_reached_its_ceiling_has_no_rate"
    ),
    "wall clock set back and forward": (
        "test_faults_sampler::test_a_wall_clock_that_is_set_changes_no_rate"
    ),
    "suspend gap": (
        "test_faults_sampler::test_a_suspend_is_one_long_interval_and_its_rate_is_the_mean"
    ),
    "terminal resized 200 times, 1×1": (
        "test_faults_terminal::test_two_hundred_sizes_down_to_one_cell_are_borne"
    ),
    "terminal closed": "test_faults_terminal::test_a_terminal_that_is_closed_ends_it",
    "terminal that stalls": (
        "test_faults_terminal::test_a_terminal_that_stalls_gets_its_keys_through_and_a_true_screen_afterwards"
    ),
    "terminal that no longer reads": (
        "test_faults_terminal::test_a_terminal_that_no_longer_reads_cannot_hold_it"
    ),
    "SIGTERM, SIGHUP, SIGINT": (
        "test_faults_terminal::test_a_signal_ends_it_and_the_terminal_is_as_before"
    ),
    "the same without a screen": (
        "test_faults_terminal::test_a_signal_ends_a_stream_after_a_whole_line"
    ),
    "SIGTSTP and SIGCONT": (
        "test_faults_terminal::test_a_stop_gives_the_terminal_back_and_going_on_takes_it_again"
    ),
    "SIGKILL": (
        "test_faults_terminal::test_a_kill_leaves_nobody_behind_and_the_manual_names_reset"
    ),
    "SIGTERM, SIGHUP while iperf3 runs": (
        "test_load_real::test_signals_restore_the_terminal_and_leave_nobody"
    ),
    "SIGINT, SIGTERM, SIGHUP while iperf3 runs without a screen": (
        "test_load_real::test_a_cancelled_run_leaves_nobody_and_keeps_its_samples"
    ),
    "SIGTSTP while iperf3 runs": "test_load_real::test_no_load_goes_on_while_we_are_stopped",
    "SIGKILL while iperf3 runs": "test_load_real::test_nobody_survives_a_killed_screen",
    "SIGKILL while iperf3 runs that is a wrapper script": (
        "test_load_real::test_nobody_survives_a_killed_mlxtop"
    ),
    "SIGKILL, SIGTERM, SIGSTOP while children of a tool have left its group or lost their parent": (
        "test_system_commands::test_all_that_a_wrapper_script_started_ends_with_us"
    ),
    "SIGKILL of what supervises a tool": (
        "test_system_commands::test_nobody_survives_a_killed_supervisor"
    ),
    "load through a bond whose second member is too hot": (
        "test_load_members::test_a_hot_module_of_the_second_member_lets_no_load_begin"
    ),
    "second member of a bond that gets too hot under load": (
        "test_load_members::test_a_module_of_the_second_member_that_gets_hot_ends_the_load"
    ),
    "port that joins a bond under load": (
        "test_load_guard::test_a_port_that_joins_the_bond_on_the_way_is_guarded_as_well"
    ),
    "member of a bond that goes down and comes back without its sensor": (
        "test_load_guard::test_a_member_whose_link_is_down_may_lose_its_module_until_it_comes_back"
    ),
    "member of a bond that is not shown": (
        "test_load_members::test_a_member_that_is_not_shown_cannot_be_guarded_and_is_refused"
    ),
    "load over several next hops": (
        "test_load_route::test_all_next_hops_are_guarded_and_the_load_is_bound_to_none"
    ),
    "default route over three next hops": (
        "test_routes::test_a_default_route_over_three_next_hops_guards_all_three"
    ),
    "terminal closed while iperf3 runs": (
        "test_load_real::test_a_terminal_that_is_gone_leaves_nobody"
    ),
    "disk full and read-only state directory: run log": (
        "test_faults_disk::test_a_load_runs_without_its_record_and_says_so"
    ),
    "disk that fills up during a run": (
        "test_faults_disk::test_a_disk_that_fills_up_ends_the_record_and_not_the_load"
    ),
    "disk full and read-only state directory: action log": (
        "test_faults_disk::test_an_action_that_cannot_be_logged_is_told_in_a_line"
    ),
    "disk full in the middle of an entry": (
        "test_faults_disk::test_an_entry_of_which_a_part_fits_is_told_and_spoils_no_later_one"
    ),
    "disk full and read-only: the way back from a change": (
        "test_faults_disk::test_a_change_that_could_not_be_taken_back_is_not_begun"
    ),
    "settings file that may not be read": (
        "test_faults_disk::test_settings_that_may_not_be_read_are_told_and_defaults_used"
    ),
    "malformed settings file": "test_faults_settings::test_a_complaint_says_line_and_key",
    "settings file that is no TOML": (
        "test_faults_settings::test_a_file_that_is_no_toml_is_told_in_a_line"
    ),
    "settings of any values": "test_faults_settings::test_no_values_make_reading_raise",
    "settings that the caller of sudo cannot reach": (
        "test_security_files::test_nothing_is_quoted_of_settings_that_who_asked_cannot_reach"
    ),
    "HOME and XDG directories that are empty or relative": (
        "test_security_files::test_a_home_that_is_no_absolute_path_is_that_of_the_user_database"
    ),
    "a state directory that is relative and missing": (
        "test_security_files::test_a_relative_directory_is_an_error_and_no_endless_loop"
    ),
    "under sudo, a link to root's file in place of the settings": (
        "test_hooks::test_a_link_to_roots_file_put_there_meanwhile_makes_nobody_root"
    ),
    "under sudo, settings of root's in the caller's home": (
        "test_hooks::test_a_file_of_roots_in_the_callers_home_makes_nobody_root"
    ),
    "files for an interpreter where a hook would start": (
        "test_hooks::test_a_script_starts_where_nobody_can_leave_files_for_it"
    ),
    "a hook below a folder that others can change": (
        "test_hooks::test_a_script_in_a_folder_that_others_can_change_is_refused"
    ),
    "root's tools below a folder that others can change": (
        "test_security::test_root_runs_nothing_below_a_directory_that_others_can_change"
    ),
    "hooks misspelt, missing, not executable, open to others": (
        "test_hooks::test_hooks_are_checked_at_the_start"
    ),
    "accept(2) fails (EMFILE) while a link type waits to be kept": (
        "test_revert::test_a_failed_accept_counts_as_revert"
    ),
    "anything raised while a link type waits to be kept": (
        "test_revert::test_anything_that_goes_wrong_while_waiting_counts_as_revert"
    ),
    "signals, SIGKILL too, while a link type waits to be kept": (
        "test_revert::test_a_waiting_program_that_is_killed_counts_as_revert"
    ),
    "SIGSTOP while a link type waits to be kept": (
        "test_revert::test_a_waiting_program_that_is_stopped_is_killed_and_counts_as_revert"
    ),
    "the waiting program gone before the type is written": (
        "test_revert::test_a_change_whose_waiting_program_has_ended_meanwhile_is_taken_back"
    ),
    "six link type changes of a card at once": (
        "test_revert::test_of_changes_that_begin_at_once_one_alone_is_made"
    ),
    "the card's folder locked by a stranger": (
        "test_locks::test_a_lock_of_the_folder_blocks_nobody"
    ),
    "stdout closed (`--json-stream` into `head -1`)": (
        "test_cli::test_a_reader_that_has_seen_enough_is_no_error"
    ),
    "stdout on a full disk, in every mode and subcommand": (
        "test_console::test_a_full_disk_is_one_line_and_status_1"
    ),
    "stdout closed before the start, in every mode and subcommand": (
        "test_console::test_a_closed_standard_output_is_one_line_and_status_1"
    ),
    "a reader that has gone, in every mode and subcommand": (
        "test_console::test_a_reader_that_has_gone_has_seen_enough"
    ),
    "stdin and stderr closed, stderr on a full disk": (
        "test_console::test_a_closed_input_or_a_closed_standard_error_change_nothing"
    ),
    "stdout that takes a part": (
        "test_console::test_a_file_that_may_not_grow_is_told_and_not_cut_short"
    ),
    "an error in a handler of the screen": (
        "test_faults_terminal::test_an_error_on_the_screen_is_one_line_and_status_1"
    ),
    "an error in a thread": "test_cli::test_an_error_in_a_thread_is_one_line",
    "a capture with times, counters and names that no kernel has": (
        "test_cli::test_a_hostile_capture_is_a_table_and_strict_json"
    ),
    "NaN, Infinity and half characters on their way into JSON": (
        "test_json_text::test_any_value_becomes_json_that_every_parser_takes"
    ),
    "escapes in any line that is printed": "test_console::test_no_text_leaves_as_an_escape",
    "escapes in notifications": ("test_tui_app::test_notifications_are_clean_and_no_markup"),
    "names that make lines of their own in a capture": (
        "test_capture::test_a_device_of_any_name_makes_no_line_of_its_own"
    ),
    "damaged records of runs": "test_runs::test_a_damaged_record_is_shown_as_far_as_it_goes",
    "a damaged log of actions": ("test_log_command::test_a_damaged_log_is_shown_as_far_as_it_goes"),
    "digits of any length on the command line": "test_cli::test_digits_of_any_length_are_one_line",
    "digits of any length in the settings": (
        "test_faults_settings::test_a_number_of_any_length_is_told_and_ignored"
    ),
    "no TTY": "test_faults_terminal::test_without_a_terminal_the_screen_is_refused_in_one_line",
    "`TERM=dumb`": "test_faults_terminal::test_a_dumb_terminal_is_refused_in_one_line",
    "unknown TERM, no UTF-8 locale, on the screen": (
        "test_faults_terminal::test_odd_terminals_and_locales_still_show_and_quit"
    ),
    "no UTF-8 locale, without a screen": (
        "test_faults_terminal::test_a_locale_without_utf_8_spoils_neither_table_nor_stream"
    ),
    "10 000 netdevs": (
        "test_faults_ports::test_ten_thousand_ports_are_on_a_screen_that_answers_and_quits"
    ),
    "10 000 netdevs without a screen": "test_faults_ports::test_ten_thousand_ports_are_streamed",
    "run as nobody without access to /sys/class/net": (
        "test_faults_ports::test_as_nobody_without_sysfs_netlink_still_tells"
    ),
    "numbers of any length in names, settings and command lines": (
        "test_faults_numbers::test_no_command_ends_at_a_number_of_any_length"
    ),
    "nan, inf and 1e999 in the output of tools": (
        "test_faults_numbers::test_tools_that_print_such_numbers_print_none"
    ),
    "hundreds of cards, functions and ports": (
        "test_crowds::test_no_work_grows_by_the_square_of_the_ports"
    ),
    "captures of 31 MiB of anything": (
        "test_capture_file::test_a_large_capture_takes_little_memory"
    ),
    "a capture with lines that make no sense": (
        "test_captured::test_what_was_not_understood_is_told_with_its_first_line"
    ),
    "a capture that is cut off": (
        "test_captured::test_a_torn_capture_is_told_wherever_it_was_torn"
    ),
    "a pipe or a device as a capture": ("test_captured::test_what_has_no_end_is_not_waited_for"),
    "a capture that cannot be read": ("test_captured::test_a_file_that_cannot_be_read_is_named"),
    "disk full while a capture is written": (
        "test_capture::test_a_disk_that_is_full_is_told_with_the_file"
    ),
    "addresses in other spellings in a capture to be masked": (
        "test_masking::test_an_address_that_is_known_is_hidden_in_every_spelling"
    ),
    "a host called like a word of the kernel": (
        "test_masking::test_no_hosts_name_makes_a_capture_unreadable"
    ),
    "150 captures damaged by chance": ("test_mutants::test_mutated_captures_are_shown_in_bounds"),
    "300 command lines by chance": ("test_mutants::test_command_lines_by_chance_end_in_order"),
    "31 network devices with odd names": (
        "test_mutants::test_devices_with_odd_names_are_shown_and_captured"
    ),
}
"""What is injected, and the test that does it: its file, its function."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A row of the table."""

    injected: str
    survived: str
    """`yes`, `**no**`, or why it could not be tried."""
    test: str


def measure() -> list[Fault]:
    """Run the tests and tell what they said."""
    nodes = [f"tests/{test.replace('::', '.py::')}" for test in TABLE.values()]
    with tempfile.NamedTemporaryFile(suffix=".xml") as report:
        subprocess.run(
            [sys.executable, "-m", "pytest", "-m", "", f"--junitxml={report.name}", *nodes],
            check=False,
            stdout=subprocess.DEVNULL,
            cwd=Path(__file__).parents[2],
        )
        outcomes = _outcomes(ElementTree.parse(report.name).getroot())
    return [Fault(fault, _said(outcomes.get(test, [])), test) for fault, test in TABLE.items()]


def _outcomes(report: ElementTree.Element) -> dict[str, list[str]]:
    """What each run of a test said, parametrised ones together."""
    found: dict[str, list[str]] = {}
    for case in report.iter("testcase"):
        module = case.get("classname", "").rpartition(".")[2]
        name = case.get("name", "").partition("[")[0]
        said = "yes"
        for child in case:
            if child.tag in ("failure", "error"):
                said = "**no**"
            elif child.tag == "skipped":
                said = f"not tried: {child.get('message', '')}"
        found.setdefault(f"{module}::{name}", []).append(said)
    return found


def _said(outcomes: list[str]) -> str:
    if "**no**" in outcomes:
        return "**no**"
    if set(outcomes) == {"yes"}:
        return "yes"
    tried = outcomes.count("yes")
    if tried:
        return f"yes in {tried} of {len(outcomes)}"
    return outcomes[0] if outcomes else "**no such test**"
