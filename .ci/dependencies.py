#!/usr/bin/env python3
"""Licences, required compilers, withdrawn versions and advisories of everything in Cargo.lock.

Every dependency's licence is one of those below, whichever way its expression is met; none says that it asks for a newer Rust than
Cargo.toml states (both from `cargo metadata` alone; who says nothing is found by .ci/run's check with that Rust); none was withdrawn from crates.io (cargo's own warning). Advisories are looked up where
RustSec's database lies: a checkout of https://github.com/RustSec/advisory-db in $ADVISORY_DB or ~/.cargo/advisory-db, where cargo-audit
keeps it. No package registry has it, so where there is none that is said, and is no failure."""

import json
import os
import pathlib
import re
import subprocess
import tomllib

ALLOWED = {
    "0BSD", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "ISC", "MIT", "Unicode-3.0",
    "Unlicense", "Zlib",
}


def allowed(expression):
    """Whether an SPDX expression can be met; `/` is an old way to write OR."""
    words = re.findall(r"[()]|[^\s()]+", expression.replace("/", " OR "))
    joined = []
    for word in words:
        if word == "WITH" or (joined and joined[-1].endswith(" WITH")):
            joined[-1] += f" {word}"
        else:
            joined.append(word)
    python = " ".join({"(": "(", ")": ")", "OR": "or", "AND": "and"}.get(word, str(word in ALLOWED)) for word in joined)
    return eval(python, {"__builtins__": {}})  # True, False, and, or, brackets: nothing else is put in


def version(text):
    return tuple(int(part) for part in (text or "0").split(".")[:2])


assert allowed("MIT OR GPL-3.0") and not allowed("MIT AND GPL-3.0") and allowed("(MIT/Apache-2.0) AND Unicode-3.0")
assert not allowed("GPL-3.0 WITH Classpath-exception-2.0") and allowed("Apache-2.0 WITH LLVM-exception OR GPL-2.0")



def release(text):
    """A version to compare: numbers, and whether it is a release (1) or one before it (0)."""
    numbers, _, before = text.partition("+")[0].partition("-")
    parts = [int(part) for part in numbers.split(".")]
    return (*parts, *[0] * (3 - len(parts)), 0 if before else 1)


def fits(text, requirement):
    """Whether a version is one of those that a requirement such as `>= 1.2, < 2` or `^0.3.1` names."""
    for one in requirement.split(","):
        sign, wanted = re.fullmatch(r"\s*(>=|<=|>|<|=|\^|~)?\s*([^\s]+)\s*", one).groups()
        at, bound = release(text), release(wanted)
        if sign in (None, "^", "~"):
            given = len(wanted.partition("-")[0].split("."))
            kept = min(2, given) if sign == "~" else next((i + 1 for i, part in enumerate(bound[:3]) if part), given)
            if not (at >= bound and at[:kept] == bound[:kept]):
                return False
        elif not {">=": at >= bound, "<=": at <= bound, ">": at > bound, "<": at < bound, "=": at == bound}[sign]:
            return False
    return True


assert fits("1.2.3", ">= 1.2, < 2") and not fits("2.0.0", ">= 1.2, < 2") and fits("0.3.4", "^0.3.1") and not fits("0.4.0", "^0.3.1")
assert fits("1.9.0", "^1.2") and fits("1.2.9", "~1.2.3") and not fits("1.3.0", "~1.2.3") and not fits("1.0.0-rc.1", ">= 1.0.0")


def advisories(packages, folder):
    """What the advisories in a checkout of RustSec's database say of these packages."""
    found, read = [], 0
    for package in packages:
        for file in sorted((folder / "crates" / package["name"]).glob("RUSTSEC-*.md")):
            told = tomllib.loads(re.search(r"```toml\n(.*?)```", file.read_text(), re.DOTALL)[1])
            read += 1
            versions = told["versions"]
            fine = versions.get("patched", []) + versions.get("unaffected", [])
            # What warns of no fault (nobody keeps it up, its use is easily wrong) is for people to weigh, but for unsound code.
            asks = told["advisory"].get("informational") in (None, "unsound") and "withdrawn" not in told["advisory"]
            if asks and not any(fits(package["version"], requirement) for requirement in fine):
                found.append(f"{package['name']} {package['version']}: {file.stem}, fixed in {', '.join(versions.get('patched', [])) or 'none'}")
    return found, read


told = subprocess.run(["cargo", "metadata", "--format-version", "1", "--locked"], check=True, capture_output=True, text=True)
packages = json.loads(told.stdout)["packages"]
own = next(package for package in packages if package["source"] is None)
faults = []
for package in packages:
    name = f"{package['name']} {package['version']}"
    if not package["license"] or not allowed(package["license"]):
        faults.append(f"{name}: licence {package['license'] or package['license_file'] or 'not stated'}")
    if version(package["rust_version"]) > version(own["rust_version"]):
        faults.append(f"{name}: needs Rust {package['rust_version']}, Cargo.toml states {own['rust_version']}")
registered = [package for package in packages if package["source"]]
packed = subprocess.run(["cargo", "package", "--allow-dirty", "--no-verify"], capture_output=True, text=True)
if packed.returncode:
    raise SystemExit(packed.stderr)
faults += [line for line in packed.stderr.splitlines() if " is yanked " in line]
database = pathlib.Path(os.environ.get("ADVISORY_DB") or pathlib.Path.home() / ".cargo/advisory-db")
if (database / "crates").is_dir():
    found, read = advisories(registered, database)
    faults += found
    looked = f"{read} advisories of their crates were read in {database}"
else:
    looked = f"advisories were not looked at: there is no database in {database} (git clone https://github.com/RustSec/advisory-db)"
if faults:
    raise SystemExit("\n".join(faults))
print(f"{len(packages)} packages: licences fit, none needs more than Rust {own['rust_version']}, none was withdrawn; {looked}")
