"""The rules that tools/check-includes.py enforces, each on a small tree."""

import importlib.util
import os
import tempfile
import unittest

TOOL = os.path.join(os.path.dirname(__file__), "..", "tools", "check-includes.py")
spec = importlib.util.spec_from_file_location("check_includes", TOOL)
check_includes = importlib.util.module_from_spec(spec)
spec.loader.exec_module(check_includes)


def breaches(files):
    """What the tool says of a tree with these files, given as path: text."""
    with tempfile.TemporaryDirectory() as root:
        for path, text in files.items():
            full = os.path.join(root, path)
            os.makedirs(os.path.dirname(full), exist_ok=True)
            with open(full, "w", encoding="utf-8") as file:
                file.write(text)
        return check_includes.check(root)


class CheckIncludesTest(unittest.TestCase):
    def assert_fine(self, path, line):
        self.assertEqual(breaches({path: line}), [])

    def assert_breach(self, path, line, part):
        found = breaches({path: line})
        self.assertEqual(len(found), 1, found)
        self.assertIn(part, found[0])

    def test_arrows(self):
        self.assert_fine("src/runtime/a.cc", '#include "kernels/x/x.h"\n')
        self.assert_fine("src/zoo/a.cc", '#include "signum/result.h"\n')
        self.assert_fine("apps/signum/a.cc", '#include "runtime/a.h"\n')
        self.assert_breach("src/kernels/x/a.cc", '#include "graph/graph.h"\n', "kernels may include")
        self.assert_breach("src/graph/a.h", '\n#include "kernels/x/x.h"\n', "a.h:2:")
        self.assert_breach("src/base/a.h", '#include "apps/a.h"\n', "base may include")
        self.assert_breach("include/signum/a.h", '#include "graph/graph.h"\n', "public headers")
        self.assert_breach("examples/a/a.cc", '#include "graph/graph.h"\n', "public headers")
        self.assert_breach("src/newroom/a.h", '#include "graph/graph.h"\n', "no arrows")

    def test_tests_look_at_any_room(self):
        self.assert_fine("src/runtime/plan_test.cc", '#include "zoo/zoo.h"\n')
        self.assert_fine("src/kernels/x/test.cc", '#include "graph/graph.h"\n')
        self.assert_breach("src/runtime/plan.cc", '#include "zoo/zoo.h"\n', "runtime may include")

    def test_libraries_stay_in_their_place(self):
        self.assert_fine("src/train/a.cc", "#include <torch/torch.h>\n")
        self.assert_breach("apps/signum/a.cc", "#include <torch/torch.h>\n", "libtorch")
        self.assert_breach("src/graph/a.cc", "#include <ATen/ATen.h>\n", "libtorch")
        self.assert_fine("src/data/download.cc", "#include <httplib.h>\n")
        self.assert_breach("src/data/a.cc", "#include <httplib.h>\n", "HTTP")
        self.assert_breach("src/format/a.cc", "#include <google/protobuf/message.h>\n", "protobuf")
        self.assert_breach("apps/signum/a.cc", "#include <onnx/onnx_pb.h>\n", "protobuf")
        self.assert_fine("apps/signum/a.cc", '#include "onnx/export.h"\n')
        self.assert_fine("src/onnx/a.cc", "#include <onnx/onnx_pb.h>\n")

    def test_intrinsics_stay_in_isa_files(self):
        self.assert_fine("src/kernels/x/x86_avx2.cc", "#include <immintrin.h>\n")
        self.assert_fine("src/kernels/x/arm64_neon.cc", "#include <arm_neon.h>\n")
        self.assert_breach("src/kernels/x/select.cc", "#include <immintrin.h>\n", "intrinsics")
        self.assert_breach("src/kernels/x/x86_avx2.h", "#include <immintrin.h>\n", "intrinsics")
        self.assert_fine("src/kernels/x/x86_avx2.cc", '#include "kernels/tiles_x86_avx2.h"\n')
        self.assert_breach("src/kernels/x/x86_avx512.cc", '#include "kernels/tiles_x86_avx2.h"\n',
                           "x86_avx2.cc")
        self.assert_fine("src/kernels/x/arm64_dotprod.cc", '#include "kernels/tiles_arm64_neon.h"\n')
        self.assert_breach("src/kernels/x/arm64_neon.cc", '#include "kernels/tiles_arm64_dotprod.h"\n',
                           "arm64_dotprod.cc")
        self.assert_breach("src/kernels/x/x.h", '#include "kernels/tiles_x86_avx2.h"\n', "x86_avx2.cc")

    def test_folder_names(self):
        self.assert_breach("src/graph/utils/a.h", "", "'utils'")

    def test_length(self):
        self.assert_fine("src/graph/a.cc", "\n" * 500)
        self.assert_breach("src/graph/a.cc", "int x;\n" * 501, "501 lines")
        self.assert_fine("src/graph/a.cc", "// Above 500 lines: a table.\n" + "int x;\n" * 501)


if __name__ == "__main__":
    unittest.main()
