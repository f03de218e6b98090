"""What runs, and what it was built from."""

from .layout import Dashboard, Section, figures_table, labels_table, stat, words

BUILD = "simple_request_build_info{@}"

DASHBOARD = Dashboard("application", "simple-request: Application", "What runs: version, origin, libraries.", "simple_request_build_info", [
    Section("Application", [
        stat("Uptime", "Time since the process started; of several instances the youngest.", "s", "min(time() - process_start_time_seconds{@})"),
        words("Name", "The program's name.", BUILD, "name"),
        words("Version", "The program's version.", BUILD, "version"),
        words("Git SHA", "The commit that it was built from.", BUILD, "git_sha"),
        words("Git author", "Who made that commit.", BUILD, "git_author"),
        stat("Shared objects", "Shared objects that the process has loaded.", "none", "max(simple_request_shared_objects{@})"),
    ]),
    Section("Dependencies", [
        labels_table("Dependencies", "Libraries, C library, kernel and compiler, with their versions.",
                     "sum by (name, version) (simple_request_dependency_info{@})", {"name": "Name", "version": "Version"}, width=12, height=11),
        figures_table("Instances", "When each instance started.", "dateTimeAsIso",
                      {"{{job}} {{instance}}": "process_start_time_seconds{@} * 1000"}, width=12, height=11),
    ]),
])
