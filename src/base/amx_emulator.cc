#include "base/amx_emulator.h"

#include <signal.h>
#include <ucontext.h>

#include <cstdint>
#include <cstring>

namespace signum {
namespace {

constexpr int kMostRows = 16;
constexpr int kMostBytes = 64;

struct Tile {
  int rows = 0, bytes = 0;  // both 0: not configured
  uint8_t data[kMostRows][kMostBytes];
};
thread_local Tile tiles[8];

// An instruction after its VEX prefix: opcode map 2 (0F38), W0, 128 bits.
struct Instruction {
  const uint8_t* next;  // behind what was read
  int prefix;           // 0 none, 1: 66, 2: F3, 3: F2
  int operand;          // VEX.vvvv
  int index_high, base_high;
  uint8_t opcode, modrm;
  int mode() const { return modrm >> 6; }
  int reg() const { return (modrm >> 3) & 7; }
  int rm() const { return modrm & 7; }
};

bool Decode(const uint8_t* at, Instruction& instruction) {
  if (at[0] != 0xc4 || (at[1] & 0x1f) != 2 || (at[2] & 0x84) != 0) return false;
  instruction = {.next = at + 5,
                 .prefix = at[2] & 3,
                 .operand = ~(at[2] >> 3) & 15,
                 .index_high = (at[1] & 0x40) != 0 ? 0 : 8,
                 .base_high = (at[1] & 0x20) != 0 ? 0 : 8,
                 .opcode = at[3],
                 .modrm = at[4]};
  return true;
}

uint64_t Register(const ucontext_t& context, int number) {
  constexpr int kPlaces[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP,
                               REG_RSI, REG_RDI, REG_R8,  REG_R9,  REG_R10, REG_R11,
                               REG_R12, REG_R13, REG_R14, REG_R15};
  return static_cast<uint64_t>(context.uc_mcontext.gregs[kPlaces[number]]);
}

int64_t Displacement(Instruction& instruction, int bytes) {
  int8_t one = 0;
  int32_t four = 0;
  if (bytes == 1) std::memcpy(&one, instruction.next, 1);
  if (bytes == 4) std::memcpy(&four, instruction.next, 4);
  instruction.next += bytes;
  return one + four;
}

// The operand in memory; `stride` is what its index register, scaled, holds.
uint8_t* Address(const ucontext_t& context, Instruction& instruction, int64_t& stride) {
  uint64_t address = 0;
  stride = 0;
  int base = instruction.rm();
  bool has_base = true;
  if (base == 4) {
    const uint8_t sib = *instruction.next++;
    const int index = ((sib >> 3) & 7) + instruction.index_high;
    if (index != 4) {
      stride = static_cast<int64_t>(Register(context, index)) * (int64_t{1} << (sib >> 6));
    }
    base = sib & 7;
    has_base = base != 5 || instruction.mode() != 0;
  } else if (base == 5 && instruction.mode() == 0) {
    const int64_t distance = Displacement(instruction, 4);  // from the next instruction
    return const_cast<uint8_t*>(instruction.next) + distance;
  }
  if (has_base) address = Register(context, base + instruction.base_high);
  const int bytes = !has_base || instruction.mode() == 2 ? 4 : instruction.mode();
  return reinterpret_cast<uint8_t*>(address) + Displacement(instruction, bytes);
}

// Configures the tiles as the 64 bytes of LDTILECFG say, with palette 1.
bool Configure(const uint8_t* config) {
  if (config[0] != 1) return false;
  for (int i = 0; i < 8; ++i) {
    Tile& tile = tiles[i];
    uint16_t bytes;
    std::memcpy(&bytes, config + 16 + 2 * i, sizeof bytes);
    tile = {.rows = config[48 + i], .bytes = bytes, .data = {}};
    if (tile.rows > kMostRows || tile.bytes > kMostBytes) return false;
    if ((tile.rows == 0) != (tile.bytes == 0)) return false;
  }
  return true;
}

// c += a times b: unsigned bytes of a, signed ones of b, four to a 32-bit sum that wraps.
bool MultiplyBytes(Tile& c, const Tile& a, const Tile& b) {
  if (&c == &a || &c == &b || &a == &b || c.rows == 0) return false;
  if (c.rows != a.rows || c.bytes != b.bytes || a.bytes != 4 * b.rows) return false;
  for (int row = 0; row < c.rows; ++row) {
    uint32_t sums[kMostBytes / 4];  // of all columns, configured or not
    std::memcpy(sums, c.data[row], sizeof sums);
    for (int step = 0; step < b.rows; ++step) {
      const uint8_t* values = &a.data[row][4 * step];
      for (int column = 0; column < kMostBytes / 4; ++column) {
        for (int k = 0; k < 4; ++k) {
          const auto weight = static_cast<int8_t>(b.data[step][4 * column + k]);
          sums[column] += static_cast<uint32_t>(values[k] * weight);
        }
      }
    }
    std::memcpy(c.data[row], sums, static_cast<size_t>(c.bytes));
  }
  return true;
}

bool Move(const ucontext_t& context, Instruction& instruction) {
  Tile& tile = tiles[instruction.reg()];
  int64_t stride;
  uint8_t* address = Address(context, instruction, stride);
  if (tile.rows == 0 || instruction.rm() != 4) return false;
  const auto bytes = static_cast<size_t>(tile.bytes);
  for (int row = 0; row < tile.rows; ++row, address += stride) {
    if (instruction.prefix == 2) {
      std::memcpy(address, tile.data[row], bytes);
    } else {
      std::memset(tile.data[row], 0, kMostBytes);
      std::memcpy(tile.data[row], address, bytes);
    }
  }
  return instruction.prefix == 2 || instruction.prefix == 3;
}

bool Execute(const ucontext_t& context, Instruction& instruction) {
  if (instruction.opcode == 0x49 && instruction.prefix == 0) {
    if (instruction.modrm == 0xc0) {  // TILERELEASE
      for (Tile& tile : tiles) tile = {};
      return true;
    }
    int64_t stride;
    return instruction.mode() != 3 && Configure(Address(context, instruction, stride));
  }
  if (instruction.opcode == 0x4b && instruction.mode() != 3) return Move(context, instruction);
  if (instruction.opcode == 0x5e && instruction.prefix == 1 && instruction.mode() == 3) {
    return instruction.operand < 8 &&
           MultiplyBytes(tiles[instruction.reg()], tiles[instruction.rm()],
                         tiles[instruction.operand]);
  }
  return false;
}

void HandleIllegalInstruction(int, siginfo_t*, void* raw) {
  auto& context = *static_cast<ucontext_t*>(raw);
  const auto* at = reinterpret_cast<const uint8_t*>(context.uc_mcontext.gregs[REG_RIP]);
  Instruction instruction;
  if (Decode(at, instruction) && Execute(context, instruction)) {
    context.uc_mcontext.gregs[REG_RIP] = reinterpret_cast<greg_t>(instruction.next);
    return;
  }
  signal(SIGILL, SIG_DFL);  // and meet it again
}

}  // namespace

void EmulateAmx() {
  struct sigaction action = {};
  action.sa_sigaction = HandleIllegalInstruction;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGILL, &action, nullptr);
}

}  // namespace signum
