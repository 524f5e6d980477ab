#include "format/test_seal.h"

#include "format/sgn_wire.h"
#include "sgn_generated.h"

namespace signum::format {

void Reseal(std::span<uint8_t> bytes) {
  using sgn::Model;
  flatbuffers::Verifier verifier(bytes.data(), bytes.size());
  if (bytes.size() < 8 || verifier.VerifyOffset(size_t{0}) == 0) return;
  auto* root = flatbuffers::GetMutableRoot<flatbuffers::Table>(bytes.data());
  if (!root->VerifyTableStart(verifier) ||
      !root->VerifyField<uint64_t>(verifier, Model::VT_FILE_BYTES, sizeof(uint64_t)) ||
      !root->VerifyField<uint64_t>(verifier, Model::VT_CHECKSUM, sizeof(uint64_t))) {
    return;
  }
  root->SetField<uint64_t>(Model::VT_FILE_BYTES, bytes.size());
  const uint8_t* field = root->GetAddressOf(Model::VT_CHECKSUM);
  if (field == nullptr) return;
  const auto skip = static_cast<size_t>(field - bytes.data());
  root->SetField<uint64_t>(Model::VT_CHECKSUM, Checksum(bytes, skip));
}

}  // namespace signum::format
