#!/usr/bin/env python3
"""Licences and required compilers of everything in Cargo.lock, from `cargo metadata` alone: nothing is fetched but the crates.

Every dependency's licence is one of those below, whichever way its expression is met; none asks for a newer Rust than Cargo.toml
states. Advisories are not looked at: their database is not to be had from a package registry. Where the network allows it, `cargo install
cargo-audit && cargo audit` reads Cargo.lock."""

import json
import re
import subprocess

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
if faults:
    raise SystemExit("\n".join(faults))
print(f"{len(packages)} packages: licences fit, none needs more than Rust {own['rust_version']}")
