// Damaged files of other frameworks: random mutations of each kind that is read.
// The properties: the reader returns, never crashes, and never allocates beyond a
// multiple of the file's size; what it accepts has only views within its data.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <random>

#include "format/safetensors.h"
#include "format/state_dict.h"
#include "format/test_allocations.h"
#include "format/test_graphs.h"
#include "format/test_torch_files.h"
#include "format/torch_checkpoint.h"

namespace signum::format {
namespace {

constexpr int kMutations = 5000;
constexpr uint64_t kSeed = 20240611;

// A pickled value of one byte takes some 72 bytes, in a vector that doubles;
// libzip's own memory is not counted.
size_t AllowedBytes(size_t file_bytes) { return 256 * file_bytes + (size_t{4} << 20); }

// Reads every tensor that is left, and the graph if there is one.
void Use(const TensorFile& file) {
  for (const StoredTensor& tensor : file.tensors) {
    if (const Result<Tensor> floats = ToFloats(tensor)) {
      EXPECT_EQ(floats->shape().sizes(), tensor.sizes);
    }
  }
  if (!HasGraph(file)) return;
  const Result<Graph> graph = GraphOf(file);
  EXPECT_TRUE(!graph || Verify(*graph).has_value());
}

// Parses, and checks the properties above. Returns whether it loaded.
bool Survives(const std::vector<uint8_t>& bytes) {
  ResetPeak();
  const Result<TensorFile> file =
      IsSafetensors(bytes) ? ParseSafetensors(bytes) : ParseTorchCheckpoint(bytes);
  if (file) Use(*file);
  EXPECT_LE(PeakBytes(), AllowedBytes(bytes.size()));
  if (file) return true;
  EXPECT_FALSE(file.error().message.empty());
  EXPECT_EQ(file.error().message.find('\n'), std::string::npos) << file.error().message;
  EXPECT_LT(file.error().message.size(), 4000u);
  return false;
}

// Changes one to four places, mostly among names, sizes and opcodes.
void Mutate(std::mt19937_64& random, std::vector<uint8_t>& bytes) {
  const auto below = [&](size_t bound) { return static_cast<size_t>(random() % bound); };
  const size_t changes = 1 + below(4);
  for (size_t i = 0; i < changes && bytes.size() > 8; ++i) {
    const size_t at = below(below(2) == 0 ? bytes.size() : std::min<size_t>(bytes.size(), 2048));
    switch (below(6)) {
      case 0: bytes[at] ^= static_cast<uint8_t>(1 << below(8)); break;
      case 1: bytes[at] = static_cast<uint8_t>(random()); break;
      case 2: bytes[at] = below(2) == 0 ? 0x00 : 0xFF; break;
      case 3:
        bytes.insert(bytes.begin() + static_cast<int64_t>(at), bytes[below(bytes.size())]);
        break;
      case 4:
        if (below(8) == 0) bytes.resize(at);
        break;
      default: {  // two blocks change places
        const size_t size = 1 + below(std::min<size_t>(32, bytes.size()));
        const size_t a = below(bytes.size() - size + 1), b = below(bytes.size() - size + 1);
        for (size_t k = 0; k < size; ++k) std::swap(bytes[a + k], bytes[b + k]);
      }
    }
  }
}

using Finish = std::function<std::vector<uint8_t>(std::vector<uint8_t>)>;

// `finish` makes a file of the mutated bytes.
void RunMutations(const std::vector<uint8_t>& victim, const Finish& finish) {
  std::printf("seed %llu\n", static_cast<unsigned long long>(kSeed));
  ASSERT_TRUE(Survives(finish(victim)));
  std::mt19937_64 random(kSeed);
  int loaded = 0;
  for (int i = 0; i < kMutations; ++i) {
    std::vector<uint8_t> mutated = victim;
    Mutate(random, mutated);
    loaded += Survives(finish(std::move(mutated)));
    if (::testing::Test::HasFailure()) FAIL() << "mutation " << i << " of seed " << kSeed;
  }
  std::printf("%d of %d mutations loaded\n", loaded, kMutations);
  EXPECT_LT(loaded, kMutations);
}

std::vector<uint8_t> AsIs(std::vector<uint8_t> bytes) { return bytes; }

TestCheckpoint Victim() {
  TestCheckpoint checkpoint;
  checkpoint.nested = "state_dict";
  checkpoint.Add("conv1.weight", {2, 3, 1, 1}, {1, 2, 3, 4, 5, 6});
  checkpoint.Add("bn1.weight", {2}, {1, 2});
  checkpoint.tensors.push_back({"view", "0", {3, 2}, {1, 3}, 0});
  return checkpoint;
}

TEST(ForeignDamage, MutationsOfTheFormatBeforeZipAreHarmless) {
  RunMutations(ToBytes(LegacyFile(Victim())), AsIs);
}

TEST(ForeignDamage, MutationsOfAZipArchiveAreHarmless) {
  RunMutations(ToBytes(ZipFile(Victim())), AsIs);
}

// Behind the archive's checksums.
TEST(ForeignDamage, MutationsOfThePickleInAZipArchiveAreHarmless) {
  const TestCheckpoint checkpoint = Victim();
  RunMutations(ToBytes(TorchPickle(checkpoint, false)), [&](const std::vector<uint8_t>& pickle) {
    return ToBytes(ZipFile(checkpoint, {pickle.begin(), pickle.end()}));
  });
}

TEST(ForeignDamage, MutationsOfSafetensorsAreHarmless) {
  RunMutations(SerializeSafetensors(TinyGraph()), AsIs);
}

TEST(ForeignDamage, EveryTruncationOfSafetensorsIsAnError) {
  const std::vector<uint8_t> bytes = SerializeSafetensors(TinyGraph());
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(Survives({bytes.begin(), bytes.begin() + static_cast<int64_t>(size)})) << size;
  }
}

// What a small file asks for is refused before it is allocated.
TEST(ForeignDamage, HugeDimensionsAreRefusedBeforeAllocation) {
  for (const int64_t size : {int64_t{1} << 31, int64_t{1} << 40, int64_t{1} << 62}) {
    TestCheckpoint checkpoint = Victim();
    checkpoint.tensors[0].sizes = {size};
    checkpoint.tensors[0].strides = {1};
    EXPECT_FALSE(Survives(ToBytes(ZipFile(checkpoint))));
    checkpoint.storages[0].elements = size;
    EXPECT_FALSE(Survives(ToBytes(ZipFile(checkpoint))));
    EXPECT_FALSE(Survives(ToBytes(LegacyFile(checkpoint))));
  }
}

}  // namespace
}  // namespace signum::format
