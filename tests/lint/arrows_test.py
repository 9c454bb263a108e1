#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The arrow check finds what it should find, and nothing else."""
import os
import subprocess
import sys
import tempfile
import unittest

CHECK = os.path.join(os.path.dirname(os.path.abspath(__file__)), "arrows.py")
OPENING = "// SPDX-License-Identifier: Apache-2.0\n"


def check(files):
    with tempfile.TemporaryDirectory() as root:
        for path, text in files.items():
            os.makedirs(os.path.join(root, os.path.dirname(path)), exist_ok=True)
            with open(os.path.join(root, path), "w", encoding="utf-8") as file:
                file.write(text)
        done = subprocess.run([sys.executable, CHECK, "--root", root], capture_output=True, text=True, check=False)
        return done.returncode, done.stdout


class Arrows(unittest.TestCase):
    def refused(self, path, body, *words):
        code, out = check({path: OPENING + ("#pragma once\n" if path.endswith(".h") else "\n") + body})
        self.assertEqual(code, 1, out)
        self.assertIn(f"{path}:3: ", out)
        for word in words:
            self.assertIn(word, out)

    def accepted(self, path, body):
        code, out = check({path: OPENING + ("#pragma once\n" if path.endswith(".h") else "\n") + body})
        self.assertEqual((code, out), (0, "arrows: 1 files clean\n"))

    def test_an_arrow_that_points_up_is_refused_with_file_and_line(self):
        self.refused("core/x.cc", '#include "store/store.h"\n', "core/ may include core/", "not store/store.h")
        self.refused("store/x.cc", '#include "experiment/spec.h"\n')
        self.refused("algorithms/x.cc", '#include "suggest/service.h"\n')
        self.refused("pipelines/x.cc", '#include "experiment/controller.h"\n')

    def test_the_experiment_knows_interfaces_only(self):
        self.accepted("experiment/x.cc", '#include "store/store.h"\n#include "pipelines/engine.h"\n')
        self.accepted("experiment/x.cc", '#include "suggest/suggestion_client.h"\n#include "experiment/spec.h"\n')
        self.refused("experiment/x.cc", '#include "store/sqlite_store.h"\n', "store/store.h")
        self.refused("experiment/x.cc", '#include "pipelines/compile/compile.h"\n')
        self.refused("experiment/x.cc", '#include "suggest/service.h"\n')
        self.refused("experiment/x.cc", '#include "algorithms/suggester.h"\n')

    def test_a_room_may_include_itself_and_core(self):
        self.accepted("store/deep/x.cc", '#include "store/sqlite_store.h"\n#include "core/clock.h"\n')

    def test_suggest_reaches_the_algorithms_and_the_wire(self):
        self.accepted("suggest/x.cc", '#include "algorithms/suggester.h"\n#include "proto/api.pb.h"\n')

    def test_the_program_and_the_tests_may_include_everything_but_nobody_includes_them(self):
        self.accepted("cli/x.cc", '#include "store/sqlite_store.h"\n#include "suggest/service.h"\n')
        self.accepted("tests/sim/x.cc", '#include "pipelines/engines/simulated_engine.h"\n')
        self.refused("web/x.cc", '#include "cli/run.h"\n', "nothing includes cli/")
        self.refused("core/x.cc", '#include "tests/core/makers.h"\n', "nothing includes tests/")

    def test_a_file_in_quotes_names_its_room(self):
        self.refused("core/x.cc", '#include "clock.h"\n', "names no room")
        self.refused("core/x.cc", '  #  include "../store/store.h"\n', "names no room")

    def test_packages_stay_in_their_rooms(self):
        self.accepted("store/x.cc", "#include <sqlite3.h>\n")
        self.refused("experiment/x.cc", "#include <sqlite3.h>\n", "store only")
        self.refused("experiment/x.cc", "#include <grpcpp/grpcpp.h>\n")
        self.refused("core/loop.cc", "#include <spdlog/spdlog.h>\n", "core/log.cc")
        self.accepted("core/log.cc", "#include <spdlog/spdlog.h>\n")
        self.refused("algorithms/x.cc", "#include <Eigen/Cholesky>\n", "core/linalg.cc")
        self.refused("core/x.cc", "#include <fancy/thing.hpp>\n", "no package")

    def test_a_header_that_other_rooms_include_stays_cheap(self):
        heavy = OPENING + "#pragma once\n#include <grpcpp/grpcpp.h>\n"
        through = OPENING + '#pragma once\n#include "suggest/servicer.h"\n'
        own = {"suggest/servicer.h": heavy, "suggest/deep.h": through, "suggest/x.cc": OPENING + '#include "suggest/deep.h"\n',
               "tests/suggest/x.cc": OPENING + '#include "suggest/deep.h"\n'}
        self.assertEqual(check(own), (0, "arrows: 4 files clean\n"))
        for header in ("suggest/servicer.h", "suggest/deep.h"):
            code, out = check({**own, "cli/x.cc": OPENING + f'#include "{header}"\n'})
            self.assertEqual((code, out.count(f"cli/x.cc:2: {header} brings <grpcpp/grpcpp.h> along")), (1, 1), out)

    def test_generated_headers_are_heavy(self):
        wire = {"suggest/wire.h": OPENING + '#pragma once\n#include "proto/api.pb.h"\n',
                "cli/x.cc": OPENING + '#include "suggest/wire.h"\n'}
        self.assertIn("cli/x.cc:2: suggest/wire.h brings <proto/api.pb.h> along", check(wire)[1])

    def test_cheap_headers_may_stand_anywhere(self):
        self.accepted("algorithms/x.h", "#include <Eigen/Core>\n#include <vector>\n#include <sys/types.h>\n")
        self.accepted("experiment/x.h", "#include <nlohmann/json_fwd.hpp>\n")
        self.accepted("experiment/x.cc", "#include <nlohmann/json.hpp>\n")

    def test_std_regex_is_refused_in_tests_too(self):
        self.refused("tests/core/x.cc", "#include <regex>\n", "RE2")

    def test_a_file_without_its_licence_is_refused(self):
        for path in ("core/x.cc", "core/CMakeLists.txt", "tests/x.py", "proto/x.proto", ".ci/run"):
            code, out = check({path: "// nothing\n#pragma once\n"})
            self.assertEqual((code, out.count(f"{path}:1: the file does not open with SPDX")), (1, 1), out)

    def test_the_licence_may_stand_below_the_interpreter(self):
        code, out = check({"dev": "#!/bin/sh\n# SPDX-License-Identifier: Apache-2.0\n"})
        self.assertEqual(code, 0, out)

    def test_a_header_without_a_guard_is_refused(self):
        code, out = check({"core/x.h": OPENING})
        self.assertEqual(code, 1)
        self.assertIn("#pragma once", out)

    def test_built_files_are_not_read(self):
        code, out = check({"core/x.cc": OPENING, "build/dev/x.cc": '#include "nothing.h"\n'})
        self.assertEqual((code, out), (0, "arrows: 1 files clean\n"))

    def test_an_empty_tree_is_a_fault_of_the_check(self):
        self.assertEqual(check({})[0], 1)


if __name__ == "__main__":
    unittest.main()
