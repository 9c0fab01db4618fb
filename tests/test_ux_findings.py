"""The walk over all findings of people who used mlxtop for the first time, and where each is shown.

`FINDINGS` says for each of the 52 which tests show that it is cured. Those in this file are about
what only a whole screen can show; `NOT_ON_A_SCREEN` holds what is told elsewhere.
"""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from mlxtop.commands.arguments import parser
from mlxtop.model.sample import Sample
from mlxtop.present.pages import PAGES
from mlxtop.settings import Settings
from tests.samples import Samples, ethernet, frame, mlx5_port, sample
from tests.story import Person
from tests.test_tui_app import running, screen_text
from tests.tour import walk
from tests.watching import DOWN, UP

HERE = Path(__file__).parent
SIZES = ((60, 15), (80, 24), (120, 40), (200, 60))

FINDINGS: dict[int, tuple[str, ...]] = {
    1: (
        "lab_tools:test_tee_and_sed_write_files_that_are_read_back",
        "link_type_steps:test_a_failure_is_told_without_the_number_of_its_error",
        "stories:test_infiniband_becomes_ethernet_for_good",
    ),
    2: (
        "link_type_persist:test_types_last_over_a_boot_by_the_driver_s_parameter",
        "stories:test_infiniband_becomes_ethernet_for_good",
    ),
    3: (
        "tui_link_types:test_the_ribbon_counts_the_time_and_names_the_keys",
        "tui_link_types:test_l_goes_back_to_what_is_on_probation",
        "tui_link_types:test_who_leaves_is_told_what_becomes_of_it",
    ),
    4: (
        "tui_ribbon:test_a_cable_that_is_cut_is_in_the_ribbon_of_the_simulated_ceph_host",
        "ux_findings:test_a_dead_link_is_on_the_screen_at_every_size",
    ),
    5: ("tui_charted:test_maximised_charts_are_there_on_small_screens_and_name_their_port",),
    6: (
        "load_command:test_a_stop_by_the_guard_is_told_at_once_and_the_cool_down_every_second",
        "load_command:test_what_reports_rarely_is_not_silent_for_long",
    ),
    7: (
        "present_load:test_a_limit_that_was_passed_comes_first",
        "present_load:test_a_stop_by_the_guard_is_the_first_line_and_what_to_try_the_last",
        "present_load:test_nothing_flows_while_it_cools_down",
    ),
    8: ("stories:test_a_load_is_stopped_by_the_guard_before_the_module_is_too_hot",),
    9: (
        "load_guard:test_a_module_that_settles_below_its_limit_is_never_stopped",
        "load_guard:test_a_limit_that_is_about_to_be_reached_is_not_due_in_no_time",
        "present_load:test_a_stop_by_the_guard_is_the_first_line_and_what_to_try_the_last",
    ),
    10: (
        "forecast:test_nothing_that_is_warm_settles_below_room_temperature",
        "forecast:test_a_settling_temperature_is_told_where_its_error_leaves_it_of_use",
        "forecast:test_the_way_back_below_a_warning_is_told_while_it_cools",
        "tui_heat_charts:test_a_forecast_never_moves_the_bottom_and_the_top_only_a_little",
    ),
    11: (
        "tui_heat_charts:test_of_limits_on_one_row_the_first_has_the_line",
        "ux_findings:test_the_limit_that_is_broken_keeps_its_line_and_its_time",
    ),
    12: (
        "ux_findings:test_the_time_to_a_limit_is_there_at_every_size",
        "heat_limits:test_a_limit_is_passed_from_its_first_reading_until_one_below_it",
        "present_alarms:test_a_limit_that_is_passed_tells_reading_limit_and_time",
        "ux_findings:test_the_limit_that_is_broken_keeps_its_line_and_its_time",
    ),
    13: ("tui_charted:test_all_charts_of_a_screen_have_the_same_columns_and_edge",),
    14: (
        "tui_charted:test_after_thirty_seconds_half_of_the_picture_is_full",
        "tui_charted:test_keys_zoom_every_chart",
        "time_axis:test_labels_are_round_and_stand_at_their_columns",
    ),
    15: (
        "tui_charts:test_both_directions_grow_upwards_from_one_zero_and_are_named_where_they_end",
    ),
    16: (
        "calm:test_the_figures_of_a_verdict_stay_for_ten_seconds",
        "ux_findings:test_the_verdict_is_complete_at_every_size",
    ),
    17: (
        "tui_overview:test_a_click_on_a_row_keeps_the_verdict",
        "tui_overview:test_the_explained_cell_is_marked_and_the_verdict_stays_below",
        "tui_overview:test_an_old_value_says_how_old_it_is_and_why",
    ),
    18: (
        "tui_link_type:test_a_change_at_once_is_taken_back",
        "tui_link_type:test_one_key_brings_back_what_is_missing",
    ),
    19: (
        "tui_link_type:test_a_change_for_good_is_kept_by_its_key_and_stored_then",
        "tui_link_type:test_keys_move_through_the_form_and_its_ends_hold",
    ),
    20: (
        "present_cells:test_the_share_of_rdma_is_that_of_the_traffic",
        "ux_findings:test_twelve_ports_take_one_row_each_and_fill_a_large_screen",
    ),
    21: (
        "change_guard:test_the_simulated_ceph_host_is_guarded_on_both_ports",
        "tui_link_type:test_a_guarded_port_needs_its_name_and_y_alone_does_nothing",
    ),
    22: (
        "tui_wall:test_all_twelve_ports_are_seen_at_80_by_24",
        "tui_overview:test_on_large_screens_small_charts_of_many_ports_stand_below",
        "present_totals:test_the_ports_of_each_numa_node_are_added_up",
        "ux_findings:test_twelve_ports_take_one_row_each_and_fill_a_large_screen",
    ),
    23: (
        "tui_findings:test_d_lists_what_doctor_finds_on_the_whole_machine",
        "present_doctor:test_the_header_counts_the_worst_findings_and_no_notes",
        "stories:test_a_sick_port_of_twelve_comes_first_and_all_are_compared",
    ),
    24: (
        "present_overview:test_the_link_holds_the_errors_where_they_have_no_column",
        "tui_events:test_a_storm_on_the_simulated_host_is_in_the_list_with_its_end",
    ),
    25: (
        "present_cells:test_infiniband_speeds_have_the_names_of_the_field",
        "present_cells:test_an_infiniband_link_that_flapped_keeps_its_generation",
    ),
    26: (
        "tui_canvas:test_names_of_curves_that_end_in_one_row_say_which_is_beside_its_own",
        "tui_themes:test_no_curve_has_the_colour_of_a_limit_or_of_another_curve",
    ),
    27: (
        "tui_link_types:test_the_list_of_events_has_one_line_for_it",
        "causes:test_a_change_of_the_link_type_is_one_line_with_all_that_goes_and_comes",
        "causes:test_ways_that_a_lost_link_takes_with_it_are_one_line",
        "planned:test_a_link_that_a_change_takes_is_no_flap_and_one_that_is_lost_later_is",
    ),
    28: (
        "cli:test_what_is_not_understood_is_answered_with_what_was_meant",
        "cli:test_globs_that_select_no_port_are_named_by_subcommands_too",
        "tui_app:test_a_port_that_was_asked_for_is_opened_and_the_others_stay",
        "tui_app:test_a_theme_that_there_is_not_is_named",
    ),
    29: (
        "tui_app:test_the_key_bar_shows_the_useful_keys_first",
        "tui_app:test_with_many_ports_the_wall_is_in_the_key_bar_of_80_columns",
        "ux_findings:test_at_80_columns_the_first_screen_names_the_useful_keys",
        "ux_findings:test_every_screen_shows_the_way_back_and_its_own_keys",
    ),
    30: (
        "ux_findings:test_the_help_explains_every_sign_of_heat",
        "ux_findings:test_what_counts_the_traffic_and_what_a_path_carries_is_told_in_words",
    ),
    31: (
        "tui_overview:test_a_click_on_a_heading_sorts_and_another_one_turns_the_order",
        "tui_overview:test_chosen_columns_are_shown_and_kept_with_the_comments_of_the_file",
        "tui_overview:test_digits_open_their_page_of_the_selected_port",
        "tui_ribbon:test_tab_reaches_it_arrows_choose_and_enter_goes_to_the_cause",
        "tui_ribbon:test_its_own_keys_are_told_while_the_cursor_is_in_it",
        "tui_app:test_f10_quits",
        "tui_app:test_ctrl_z_stops_the_whole_job_where_a_shell_can_continue_it",
        "tui_app:test_a_click_on_the_interval_opens_its_option_and_on_problems_the_events",
        "tui_charted:test_a_frozen_picture_scrolls_back_to_the_oldest_reading_and_space_goes_on",
        "tui_findings:test_c_copies_what_to_do_about_a_finding_and_the_bar_tells_the_keys",
        "tui_options:test_every_setting_key_and_event_is_an_option_that_is_explained",
    ),
    32: (
        "tui_overview:test_a_filter_takes_states_and_what_is_not_wanted",
        "tui_overview:test_after_a_filter_that_matched_nothing_the_same_port_is_selected",
        "present_overview:test_a_filter_knows_states_layers_and_speeds_and_what_not",
    ),
    33: (
        "tui_load:test_only_the_choice_with_the_cursor_is_lit_and_the_keys_say_how_to_turn_it",
        "tui_load:test_the_plan_says_where_the_guard_stops",
        "tui_load:test_neighbours_are_offered_for_the_far_end",
        "tui_load:test_quitting_while_a_load_runs_is_asked_for_twice",
    ),
    34: (
        "present_load:test_a_thermometer_has_the_colour_of_its_state",
        "present_load:test_where_a_sensor_is_heading_is_told_while_it_is_loaded",
        "present_load:test_bars_stand_on_their_lines_and_the_newest_are_kept",
    ),
    35: (
        "tui_charted:test_pages_of_traffic_and_heat_have_a_chart_that_can_be_read",
        "tui_sections:test_paragraphs_are_as_wide_as_their_boxes_at_every_width",
        "present_counters:test_a_bad_frame_that_several_tables_count_is_one_error",
        "present_counters:test_error_counters_at_zero_are_listed_too",
        "present_columns:test_names_are_whole_as_soon_as_there_is_room",
        "ux_findings:test_pages_fill_120_columns_side_by_side",
        "present_counters:test_a_narrow_table_of_counters_leaves_out_the_totals_and_cuts_no_figure",
        "ux_findings:test_the_bar_of_pages_has_all_of_them_beside_a_long_name",
    ),
    36: (
        "tui_events:test_what_goes_on_is_told_and_a_long_text_is_read_in_full",
        "tui_events:test_a_loss_and_its_end_are_one_line_with_its_length",
        "present_events:test_another_day_has_its_date_and_its_seconds",
    ),
    37: (
        "present_overview:test_the_clock_stays_at_the_right_and_totals_before_the_kernels_version",
    ),
    38: (
        "tui_app:test_without_a_port_what_needs_one_says_so",
        "tui_app:test_without_a_port_one_key_shows_something_else",
    ),
    39: (
        "present_runs:test_no_line_is_wider_than_the_terminal",
        "present_runs:test_an_interval_has_the_temperatures_of_its_time",
        "present_runs:test_the_peak_of_a_row_is_that_of_the_sensor_nearest_to_its_limit",
        "present_runs:test_runs_of_simulated_machines_stand_apart",
    ),
    40: (
        "present_doctor:test_what_one_cause_has_done_is_one_finding",
        "present_doctor:test_a_check_that_had_nothing_to_look_at_says_what_is_missing",
        "console:test_lines_are_coloured_on_a_terminal_alone_and_always_clean",
        "console:test_a_line_of_progress_goes_when_something_else_is_written",
    ),
    41: (
        "headless:test_a_table_in_a_pipe_is_as_wide_as_columns_says",
        "present_notes:test_the_verdict_is_that_of_the_watch",
        "present_notes:test_a_port_that_is_down_has_a_note_with_what_to_look_at",
        "present_notes:test_errors_are_told_where_no_column_has_room_for_them",
    ),
    42: (
        "tui_link_type:test_the_dialog_bears_every_size",
        "tui_link_type:test_a_tool_that_hangs_does_not_hold_the_keys_and_its_work_is_told",
    ),
    43: (
        "present_columns:test_both_curves_are_there_or_none_and_they_are_alike",
        "present_cells:test_where_no_cell_tells_the_state_the_rate_does",
        "tui_overview:test_the_rows_that_a_short_table_leaves_hold_the_verdict_and_the_keys",
        "ux_findings:test_small_screens_are_used_from_edge_to_edge",
        "ux_findings:test_the_smallest_screen_has_a_rate_and_a_heading_on_every_screen",
        "ux_findings:test_small_screens_have_the_link_and_a_heat_chart_with_its_forecast",
        "tui_charted:test_a_chart_made_large_leaves_the_cursor_where_it_was",
    ),
    44: (
        "tui_commands:test_arrow_keys_have_names_where_arrows_cannot_be_drawn",
        "ux_findings:test_degrees_in_ascii_have_no_hole",
    ),
    45: ("tui_charts:test_amounts_are_short_and_have_their_unit",),
    46: ("ux_findings:test_a_path_that_two_ports_share_is_told_as_such",),
    47: ("tui_charted:test_maximised_charts_are_there_on_small_screens_and_name_their_port",),
    48: (
        "tui_themes:test_no_curve_has_the_colour_of_a_limit_or_of_another_curve",
        "tui_canvas:test_both_edges_of_two_areas_can_be_seen_without_colours",
    ),
    49: ("tui_link_type:test_types_of_both_ports_and_all_choices_are_shown",),
    50: ("tui_canvas:test_a_step_up_or_down_leaves_no_hole_in_a_line",),
    51: ("ux_findings:test_the_usage_has_examples_and_names_settings_and_hooks",),
    52: ("tui_app:test_a_simulated_machine_has_its_story_on_the_screen",),
}
"""Finding to the tests that show it, `file:function` without `test_` of the file."""

NOT_ON_A_SCREEN = (6, 28, 39, 40, 41, 51)
"""Findings about what the command line prints."""


@cache
def functions(name: str) -> frozenset[str]:
    tree = ast.parse((HERE / f"test_{name}.py").read_text())
    kinds = ast.FunctionDef | ast.AsyncFunctionDef
    return frozenset(node.name for node in tree.body if isinstance(node, kinds))


def test_every_finding_is_shown_by_tests_that_there_are() -> None:
    assert sorted(FINDINGS) == list(range(1, 53))
    wanted = {shown for tests in FINDINGS.values() for shown in tests}
    missing = [
        shown for shown in wanted if shown.split(":")[1] not in functions(shown.split(":")[0])
    ]
    assert missing == []
    assert all(FINDINGS.values()) and set(NOT_ON_A_SCREEN) <= set(FINDINGS)


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES)
async def test_a_dead_link_is_on_the_screen_at_every_size(size: tuple[int, int]) -> None:
    async with walk("ceph", size, 5.0) as walking:
        await walking.forward(90.0)
        one = Person(walking)
        await one.sees_like(r"! enp3s0d1 down \d+ s")
        await one.sees_like(r"enp3s0d1 (0 b/s |)○ down")


@pytest.mark.quick((80, 24))
@pytest.mark.parametrize("size", [(60, 15), (80, 24), (100, 30), (120, 40), (200, 60)])
async def test_the_time_to_a_limit_is_there_at_every_size(size: tuple[int, int]) -> None:
    async with walk("fry", size, 2.0) as walking:
        one = Person(walking)
        await walking.forward(42.0)
        await one.sees_like(r"▲ enp67s0np0 module \d\d → 75 °C in \d+ s")
        if size[1] >= 24:
            await one.sees_like(r"(warning|alarm) in \d+ s")


@pytest.mark.quick((80, 24))
@pytest.mark.parametrize("size", [(80, 24), (80, 20), (72, 20), (100, 24), (120, 40), (200, 60)])
async def test_the_limit_that_is_broken_keeps_its_line_and_its_time(size: tuple[int, int]) -> None:
    async with walk("fry", size, 2.0) as walking:
        one = Person(walking)
        await walking.forward(78.0)
        assert re.search(r"80°C ╌.* alarm", one.text), one.text
        await one.sees_like(r"at alarm since \d\d:\d\d:\d\d")
        one.sees_not("in 0 s")


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES)
async def test_the_verdict_is_complete_at_every_size(size: tuple[int, int]) -> None:
    async with walk("pacu", size, 2.0) as walking:
        await walking.forward(20.0)
        (line,) = [line for line in walking.text().split("\n") if " → " in line]
        assert re.fullmatch(r" → CPU-bound: [^…]+ ", line), line
        await walking.forward(30.0)
        (line,) = [line for line in walking.text().split("\n") if " → " in line]
        assert re.fullmatch(r" → (idle|not saturated: link \d+ %, PCIe \d+ %[^…]*) ", line), line


@pytest.mark.slow
@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
async def test_twelve_ports_take_one_row_each_and_fill_a_large_screen(
    size: tuple[int, int],
) -> None:
    async with walk("dgx", size, 5.0) as walking:
        await walking.forward(15.0)
        lines = walking.text().split("\n")
        assert all("NDR 400G" in line or "200G Eth" in line for line in lines[3:15])
        one = Person(walking)
        one.sees_not("RDMA RX", "RDMA TX")
        if size == (200, 60):
            assert sum(not line.strip(" │") for line in lines) < 12, "much is empty"
            await one.sees("100 %", "RX 0–")
        if size[1] >= 40:
            await one.sees_like(r"NUMA node 0, 6 ports RX .* NUMA node 1, 6 ports RX")


@pytest.mark.parametrize("size", [(80, 24), pytest.param((120, 40), marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    ("keys", "wanted"),
    [
        (("enter",), "Next page"),
        (("e",), "Events, newest first"),
        (("d",), "Enter In plain words"),
        (("d", "enter"), "In plain words"),
        (("question_mark",), "Next port"),
        (("w",), "Enter Details"),
    ],
)
async def test_every_screen_shows_the_way_back_and_its_own_keys(
    keys: tuple[str, ...], wanted: str, size: tuple[int, int]
) -> None:
    async with walk("pacu", size, 5.0) as walking:
        await walking.forward(5.0)
        one = Person(walking)
        for key in keys:
            await walking.press(key)
            await walking.until(lambda: "examining" not in one.words and "Esc Back" in one.words)
        assert await walking.until(lambda: wanted in one.words)
        assert "Esc Back" in walking.text().split("\n")[-1]


async def test_at_80_columns_the_first_screen_names_the_useful_keys() -> None:
    async with walk("pacu", (80, 24)) as walking:
        bar = walking.text().split("\n")[-1]
        wanted = ("Enter Details", "d Doctor", "/ Filter", "s Sort", "e Events", "I Load")
        assert re.split(r" {2,}", bar.strip()) == [*wanted, "? Help", "q Quit"]


async def test_the_help_explains_every_sign_of_heat() -> None:
    async with walk("pacu", (80, 200), 5.0) as walking:
        one = Person(walking)
        await walking.press("question_mark")
        await walking.until(lambda: "Signs" in one.words)
        await one.sees(
            "↑ ▲ !", "on the way to a limit", "an old value: its sensor no longer answers"
        )
        await one.sees("d Findings of the whole machine, explained", "L Link type", "I Load test")


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES)
async def test_the_bar_of_pages_has_all_of_them_beside_a_long_name(size: tuple[int, int]) -> None:
    port = mlx5_port("0000:65:00.0", "enp101s0f0np0v" + "x" * 46, "mlx5_0")
    given = [sample(tick, ethernet(port, tick, 1e9, 1e9)) for tick in (1.0, 2.0)]
    async with running(Samples(given), size) as (app, pilot):
        await pilot.press("enter")
        await pilot.pause()
        bar = screen_text(app).split("\n")[1]
        for page in "123456789":
            assert re.search(rf"[ ▸]{page}( |$)", bar), bar


@pytest.mark.parametrize("columns", [60, 80, 200])
async def test_the_bar_of_pages_is_whole_beside_a_short_name(columns: int) -> None:
    port = mlx5_port("0000:03:00.0", "enp3s0", "mlx5_0")
    given = [sample(tick, ethernet(port, tick, 1e9, 1e9)) for tick in (1.0, 2.0)]
    async with running(Samples(given), (columns, 24)) as (app, pilot):
        await pilot.press("enter")
        await pilot.pause()
        bar = screen_text(app).split("\n")[1]
        assert re.match(r" enp3s0 ● *▸1 (Traffic|Rates) ", bar), bar
        assert all(re.search(rf"[ ▸]{page.key}( |$)", bar) for page in PAGES), bar
        assert columns < 200 or all(page.title in bar for page in PAGES)


@pytest.mark.slow
@pytest.mark.parametrize("size", [(60, 15), (40, 10)])
async def test_small_screens_are_used_from_edge_to_edge(size: tuple[int, int]) -> None:
    async with walk("dgx", size, 5.0) as walking:
        await walking.forward(5.0)
        lines = walking.text().split("\n")
        row = next(line for line in lines if "ibp24s0" in line)
        assert len(row.rstrip(" │")) > size[0] - 8, row


async def test_small_screens_have_the_link_and_a_heat_chart_with_its_forecast() -> None:
    async with walk("dgx", (60, 15), 5.0) as walking:
        await walking.forward(5.0)
        await Person(walking).sees_like(r"PORT LINK .* enp48s0f0np0 ● 200G ")
    async with walk("fry", (60, 15), 2.0) as walking:
        await walking.forward(44.0)
        await walking.press("2")
        one = Person(walking)
        await one.sees_like(r"module \d\d °C alarm in \d+ s ASIC \d+ °C settles \d+ °C")
        assert re.search(r"75°C [ ╌].*[⠁-⣿]", one.text), one.text
        await one.sees("state ● up")


async def test_what_counts_the_traffic_and_what_a_path_carries_is_told_in_words() -> None:
    async with walk("pacu", (120, 60), 5.0) as walking:
        await walking.forward(5.0)
        await walking.press("enter")
        one = Person(walking)
        await one.sees_like("counted by octets of the physical port")
        await walking.press("3")
        await one.sees_like("at most 63.0 Gb/s in each direction.*about 90 % is data")
        one.sees_not(" raw")


@pytest.mark.parametrize("page", ["1", "3"])
async def test_pages_fill_120_columns_side_by_side(page: str) -> None:
    async with walk("pacu", (120, 40), 5.0) as walking:
        await walking.forward(5.0)
        await walking.press(page)
        one = Person(walking)
        beside = "Wire ╮ ╭ Ceiling" if page == "1" else "to the root ╮ ╭ What it lets"
        await walking.until(lambda: beside in re.sub(r"[─ ]+", " ", one.text))
        assert beside in re.sub(r"[─ ]+", " ", one.text), one.text


async def test_the_smallest_screen_has_a_rate_and_a_heading_on_every_screen() -> None:
    async with walk("cx3-hp", (20, 5)) as walking:
        await walking.forward(3.0)
        one = Person(walking)
        await one.sees_like(r"PORT RX ▸ ens2 \d+ Mb/s")
        for key in ("w", "e", "question_mark", "enter", "d"):
            await walking.press(key)
            drawn = await walking.until(lambda: walking.text().startswith(" mlxtop  DEMO  "))
            assert drawn, (key, walking.text())
            await walking.press("escape")


async def test_degrees_in_ascii_have_no_hole() -> None:
    async with walk("fry", (80, 24), 2.0, Settings(ascii=True)) as walking:
        await walking.forward(42.0)
        text = walking.text()
        assert text.isascii()
        assert re.search(r"module \d+ > 75C in \d+ s", text) and not re.search(r"\d  C", text)


async def test_a_path_that_two_ports_share_is_told_as_such() -> None:
    async with walk("cx3-hp", (80, 24)) as walking:
        await walking.forward(3.0)
        await Person(walking).sees_like(
            r"PCIe-bound: 9\d % of 58\.\d Gb/s usable, all its ports together"
        )


def test_the_usage_has_examples_and_names_settings_and_hooks() -> None:
    usage = parser().format_help()
    for word in ("examples:", "mlxtop --demo fry", "mlxtop runs compare", "--hooks", "settings"):
        assert word in usage


# Bad input


NAMES = [mlx5_port(f"0000:{n:02x}:00.0", f"enp{n}" + "x" * 56, f"mlx5_{n}") for n in range(200)]


def many(tick: float, down: bool, wall: float = 0.0) -> Sample:
    """Two hundred ports of names of 60 characters, with or without their links."""
    link = DOWN if down else UP
    one = sample(tick, *(ethernet(port, tick, 1e9, 1e9, link=link) for port in NAMES))
    return one._replace(wall=one.wall + wall)


@pytest.mark.quick((80, 24))
@pytest.mark.parametrize("size", [(20, 5), (60, 15), (80, 24), (200, 60)])
async def test_the_ribbon_of_two_hundred_alarms_is_one_line_and_true(size: tuple[int, int]) -> None:
    given = [many(1.0, False), many(2.0, True), many(14.0, True)]
    async with running(Samples(given), size) as (app, _):
        lines = screen_text(app).split("\n")
        assert {len(line) for line in lines} == {size[0]}
        rows = [line for line in lines if " +" in line and line.startswith(" !")]
        assert len(rows) == 1, lines
        rest = re.search(r"\+(\d+) *$", rows[0])
        assert rest and int(rest[1]) + rows[0].count("!") == 200, rows[0]
        assert size[0] < 60 or "down 12 s" in rows[0]


@pytest.mark.parametrize("jump", [-86_400.0, -5.0, 5.0, 86_400.0])
async def test_a_clock_that_jumps_changes_no_duration_in_the_ribbon(jump: float) -> None:
    given = [many(1.0, False), many(2.0, True), many(14.0, True, jump)]
    async with running(Samples(given), (80, 24)) as (app, _):
        assert "down 12 s" in screen_text(app).split("\n")[1]
        app.state.arrive(frame(*given, many(20.0, False, jump)))
        app.redraw()
        assert "back after 18 s" in screen_text(app).split("\n")[1]
