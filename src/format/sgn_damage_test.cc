// Damaged files: every truncation, and random mutations of real-looking models.
// The properties: ParseSgn returns, never crashes, and never allocates beyond a
// multiple of the file's size; what it accepts verifies.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <random>

#include "format/accumulator_bounds.h"
#include "format/sgn.h"
#include "format/sgn_wire.h"
#include "format/test_allocations.h"
#include "format/test_graphs.h"

namespace signum::format {
namespace {

constexpr int kMutations = 10000;
constexpr uint64_t kSeed = 20240607;

// A 1-bit weight unfolds eightfold; maps and strings of small nodes add the rest.
size_t AllowedBytes(size_t file_bytes) { return 32 * file_bytes + (size_t{1} << 20); }

// Parses, and checks the properties above. Returns whether it loaded.
bool Survives(std::span<const uint8_t> bytes, int bits = 0) {
  ResetPeak();
  const Result<Graph> graph = ParseSgn(bytes, bits);
  EXPECT_LE(PeakBytes(), AllowedBytes(bytes.size()));
  if (!graph) {
    EXPECT_FALSE(graph.error().message.empty());
    EXPECT_EQ(graph.error().message.find('\n'), std::string::npos) << graph.error().message;
    EXPECT_LT(graph.error().message.size(), 2000u);
    return false;
  }
  EXPECT_TRUE(Verify(*graph).has_value());
  EXPECT_TRUE(CheckAccumulators(*graph).has_value());
  return true;
}

// Where the 8 bytes of a file's length or checksum stand.
size_t Find(const std::vector<uint8_t>& bytes, uint64_t value) {
  for (size_t at = 0; at + 8 <= bytes.size(); at += 8) {
    if (std::memcmp(&bytes[at], &value, 8) == 0) return at;
  }
  ADD_FAILURE() << "the seal was not found";
  return 0;
}

// A model file whose seal can be renewed after a mutation, so that the damage
// reaches the checks behind the checksum.
class Victim {
 public:
  explicit Victim(std::vector<uint8_t> file) : bytes(std::move(file)) {
    length_at_ = Find(bytes, bytes.size());
    for (size_t at = 0; at + 8 <= bytes.size(); at += 8) {
      uint64_t stored = 0;
      std::memcpy(&stored, &bytes[at], 8);
      if (stored == Checksum(bytes, at)) checksum_at_ = at;
      if (at > 256) break;
    }
    EXPECT_GT(checksum_at_, 0u);
  }

  void Reseal(std::vector<uint8_t>& mutated) const {
    if (mutated.size() < std::max(length_at_, checksum_at_) + 8) return;
    const uint64_t length = mutated.size();
    std::memcpy(&mutated[length_at_], &length, 8);
    const uint64_t checksum = Checksum(mutated, checksum_at_);
    std::memcpy(&mutated[checksum_at_], &checksum, 8);
  }

  const std::vector<uint8_t> bytes;

 private:
  size_t length_at_ = 0, checksum_at_ = 0;
};

class Mutator {
 public:
  explicit Mutator(uint64_t seed) : random_(seed) {}

  void Mutate(std::vector<uint8_t>& bytes) {
    const int changes = 1 + static_cast<int>(Below(4));
    for (int i = 0; i < changes && !bytes.empty(); ++i) Change(bytes);
  }

 private:
  size_t Below(size_t bound) { return random_() % bound; }

  // Half of all places lie among the tables and offsets, not in weight data.
  size_t Place(const std::vector<uint8_t>& bytes) {
    return Below(random_() % 2 == 0 ? bytes.size() : std::min<size_t>(bytes.size(), 4096));
  }

  void Change(std::vector<uint8_t>& bytes) {
    const size_t at = Place(bytes);
    switch (Below(6)) {
      case 0: bytes[at] ^= static_cast<uint8_t>(1 << Below(8)); break;
      case 1: bytes[at] = static_cast<uint8_t>(random_()); break;
      case 2: bytes[at] = Below(2) == 0 ? 0x00 : 0xFF; break;
      case 3:
        if (Below(8) == 0) bytes.resize(at);
        break;
      case 4: {  // an aligned word, set to a value that likes to overflow
        constexpr uint32_t kWords[] = {0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x10000, 8};
        if (bytes.size() < 8) break;
        std::memcpy(&bytes[at / 4 * 4 > bytes.size() - 4 ? 0 : at / 4 * 4],
                    &kWords[Below(std::size(kWords))], 4);
        break;
      }
      default: {  // two blocks change places
        const size_t size = 1 + Below(std::min<size_t>(64, bytes.size()));
        const size_t a = Below(bytes.size() - size + 1), b = Below(bytes.size() - size + 1);
        for (size_t i = 0; i < size; ++i) std::swap(bytes[a + i], bytes[b + i]);
      }
    }
  }

  std::mt19937_64 random_;
};

TEST(SgnDamage, EveryTruncationIsAnError) {
  const Victim victim(SerializeSgn(TinyGraph()));
  for (size_t size = 0; size < victim.bytes.size(); ++size) {
    std::vector<uint8_t> cut(victim.bytes.begin(), victim.bytes.begin() + size);
    EXPECT_FALSE(Survives(cut)) << size;
    victim.Reseal(cut);
    Survives(cut);
  }
}

void RunMutations(std::vector<uint8_t> file, int bits = 0) {
  std::printf("seed %llu\n", static_cast<unsigned long long>(kSeed));
  const Victim victim(std::move(file));
  ASSERT_TRUE(Survives(victim.bytes, bits));
  Mutator mutator(kSeed);
  int loaded = 0;
  for (int i = 0; i < kMutations; ++i) {
    std::vector<uint8_t> mutated = victim.bytes;
    mutator.Mutate(mutated);
    if (mutated == victim.bytes) continue;
    EXPECT_FALSE(Survives(mutated, bits)) << "mutation " << i << " was not noticed";
    victim.Reseal(mutated);
    loaded += Survives(mutated, bits);
    if (::testing::Test::HasFailure()) FAIL() << "mutation " << i << " of seed " << kSeed;
  }
  std::printf("%d of %d mutations that were sealed again loaded\n", loaded, kMutations);
  EXPECT_GT(loaded, 0);
  EXPECT_LT(loaded, kMutations);
}

TEST(SgnDamage, MutationsOfEveryOperatorAreHarmless) { RunMutations(SerializeSgn(EveryOpGraph())); }
TEST(SgnDamage, MutationsOfAResNetAreHarmless) { RunMutations(SerializeSgn(ResNet20W1A8(false))); }
TEST(SgnDamage, MutationsOfPrecisionsAreHarmless) {
  Graph most = EveryOpGraph();
  most.class_names.clear();  // which are those of all precisions
  RunMutations(SerializeSgn(PrecisionGraphs{{2, TinyGraph()}, {8, most}}), 2);
}

}  // namespace
}  // namespace signum::format
