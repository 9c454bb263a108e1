#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""plugin_docs.py SOURCE TARGET: takes the algorithm out of docs/plugins.md, and puts it where the page says.

The blocks that are named `cpp FILE` become TARGET/FILE; the registry's copy gets the page's line and its #include.
"""
import os
import re
import sys

source, target = sys.argv[1], sys.argv[2]
with open(os.path.join(source, "docs", "plugins.md"), encoding="utf-8") as page:
    text = page.read()
blocks = re.findall(r"^```cpp ?(\S*)\n(.*?)^```$", text, re.M | re.S)
lines = [body for name, body in blocks if not name]
assert len(lines) == 1, "the page shows one line for the registry"
with open(os.path.join(source, "algorithms", "registry.cc"), encoding="utf-8") as registry:
    registry_text = registry.read()
name = re.search(r'AlgorithmInfo\{"([a-z]+)"', lines[0]).group(1)
entries = [(m.group(1), m.start()) for m in re.finditer(r'^    AlgorithmInfo\{"([^"]+)"', registry_text, re.M)]
at = next((start for other, start in entries if other > name), None)
if at is None:
    at = registry_text.index("};", entries[-1][1])
registry_text = registry_text[:at] + lines[0] + registry_text[at:]
include = f'#include "algorithms/{name}.h"\n'
at = registry_text.index('#include "algorithms/')
registry_text = registry_text[:at] + include + registry_text[at:]
files = {file: body for file, body in blocks if file}
files["algorithms/registry.cc"] = registry_text
for file, body in files.items():
    path = os.path.join(target, file)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as out:
        out.write(body)
