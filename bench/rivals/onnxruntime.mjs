// An ONNX model in ONNX Runtime, taking turns as timed_rounds.h says:
//   node onnxruntime.mjs MODEL.onnx INPUT OUTPUT [THREADS [BATCH]]
// INPUT is raw float32; the first run's output goes to OUTPUT. Runs in the folder where
// onnxruntime-node is installed.
import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import readline from "node:readline";

const require = createRequire(path.join(process.cwd(), "package.json"));
const { InferenceSession, Tensor } = require("onnxruntime-node");

const [model, input, output, threads = "1", batch = "1"] = process.argv.slice(2);
const session = await InferenceSession.create(model, {
  executionProviders: ["cpu"],
  intraOpNumThreads: Number(threads),
  interOpNumThreads: 1,
  executionMode: "sequential",
  graphOptimizationLevel: "all",
});
const bytes = fs.readFileSync(input);
const values = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
const sizes = session.inputMetadata[0].shape.slice(1);
const feeds = { [session.inputNames[0]]: new Tensor("float32", values, [Number(batch), ...sizes]) };
const results = await session.run(feeds);
const { data } = results[session.outputNames[0]];
fs.writeFileSync(output, Buffer.from(data.buffer, data.byteOffset, data.byteLength));

console.log("ready");
for await (const line of readline.createInterface({ input: process.stdin })) {
  const times = [];
  for (let i = 0; i < Number(line); ++i) {
    const start = process.hrtime.bigint();
    await session.run(feeds);
    times.push((Number(process.hrtime.bigint() - start) / 1e6).toFixed(6));
  }
  console.log(times.join(" "));
}
