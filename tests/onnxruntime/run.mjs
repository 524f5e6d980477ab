// Runs ONNX models in ONNX Runtime on raw numbers, on one thread:
//   node run.mjs [--plain] (MODEL INPUT OUTPUT)...
// INPUT holds one or more inputs as native float32, OUTPUT gets theirs. With --plain
// nothing of the graph is fused or reordered: each node is computed as it stands;
// without it, OUTPUT.onnx gets the graph as it was fused.
import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";

// The package is where the test has installed it, not beside this file.
const require = createRequire(path.join(process.cwd(), "package.json"));
const { InferenceSession, Tensor } = require("onnxruntime-node");

const files = process.argv.slice(2);
const plain = files[0] === "--plain";
if (plain) files.shift();

const options = {
  executionProviders: ["cpu"],
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  executionMode: "sequential",
  graphOptimizationLevel: plain ? "disabled" : "all",
  // Sums of products of u8 and s8 in 16 bits saturate on CPUs without VNNI; this asks
  // for kernels that do not.
  extra: { session: { x64quantprecision: "1" } },
};

function readFloats(file) {
  const bytes = fs.readFileSync(file);
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
}

for (let i = 0; i + 2 < files.length; i += 3) {
  const [model, input, output] = files.slice(i, i + 3);
  const session = await InferenceSession.create(
    model, plain ? options : { ...options, optimizedModelFilePath: output + ".onnx" });
  const sizes = session.inputMetadata[0].shape.slice(1);
  const values = readFloats(input);
  const batch = values.length / sizes.reduce((product, size) => product * size, 1);
  const results = await session.run({ input: new Tensor("float32", values, [batch, ...sizes]) });
  const { data } = results.output;
  fs.writeFileSync(output, Buffer.from(data.buffer, data.byteOffset, data.byteLength));
  await session.release();
}
