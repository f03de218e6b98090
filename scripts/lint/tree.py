"""What the gates share: the files of a tree, and the way a gate reports."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def root_argument():
    """A gate looks at this repository, or at the tree named by its first argument (test/lint does that)."""
    return Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else ROOT


def files(root, *suffixes):
    """Files of the tree as sorted paths: those git tracks or would track; all where it is no repository."""
    if (root / ".git").exists():
        listed = subprocess.run(["git", "-C", str(root), "ls-files", "-co", "--exclude-standard", "-z"],
                                check=True, capture_output=True, text=True).stdout
        found = [root / name for name in listed.split("\0") if name]
    else:
        found = root.rglob("*")
    return sorted(path for path in found if path.is_file() and (not suffixes or path.suffix in suffixes))


def finish(findings, looked_at):
    """Prints the findings. A gate that saw nothing to look at fails as well: it would prove nothing."""
    for finding in findings:
        print(finding)
    if not looked_at:
        print("nothing to look at")
    sys.exit(1 if findings or not looked_at else 0)
