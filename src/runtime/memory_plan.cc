#include "runtime/memory_plan.h"

#include <algorithm>
#include <numeric>

#include "runtime/aligned_buffer.h"

namespace signum::runtime {

int64_t PlanMemory(std::vector<Storage>& storages) {
  std::vector<int> order(storages.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](int a, int b) { return storages[a].bytes > storages[b].bytes; });
  int64_t arena_bytes = 0;
  std::vector<int> placed;  // in rising order of offsets
  for (int index : order) {
    Storage& storage = storages[index];
    const int64_t bytes = AlignUp(storage.bytes);
    int64_t end_of_last = 0;  // of those seen so far that live at the same time
    int64_t best_offset = -1;
    int64_t best_gap = 0;
    for (int other : placed) {
      const Storage& o = storages[other];
      if (o.last_step < storage.first_step || o.first_step > storage.last_step) continue;
      const int64_t gap = o.offset - end_of_last;
      if (gap >= bytes && (best_offset < 0 || gap < best_gap)) {
        best_offset = end_of_last;
        best_gap = gap;
      }
      end_of_last = std::max(end_of_last, o.offset + AlignUp(o.bytes));
    }
    storage.offset = best_offset >= 0 ? best_offset : end_of_last;
    arena_bytes = std::max(arena_bytes, storage.offset + bytes);
    placed.insert(
        std::upper_bound(placed.begin(), placed.end(), index,
                         [&](int a, int b) { return storages[a].offset < storages[b].offset; }),
        index);
  }
  return arena_bytes;
}

}  // namespace signum::runtime
