// Files for the tests of this room: temporary folders, archives, and datasets in
// their official layouts with made-up contents. Part of no library.
#ifndef SIGNUM_DATA_TEST_FILES_H_
#define SIGNUM_DATA_TEST_FILES_H_

#include <stdlib.h>
#include <zlib.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace signum::data::testing {

// A new folder that goes away with everything in it.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "signum-data-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  std::string operator/(const std::string& name) const { return (path_ / name).string(); }
  std::string string() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

inline void Write(const std::string& path, const std::string& bytes) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream(path, std::ios::binary) << bytes;
}

// The same, with holes for the 4 KiB blocks that are zero: the official files are
// large, and most of what they have in a test is nothing.
inline void WriteSparse(const std::string& path, const std::string& bytes) {
  constexpr size_t kBlock = 4096;
  Write(path, "");
  std::ofstream file(path, std::ios::binary);
  for (size_t at = 0; at < bytes.size(); at += kBlock) {
    const size_t size = std::min(kBlock, bytes.size() - at);
    const char* block = bytes.data() + at;
    if (std::all_of(block, block + size, [](char c) { return c == 0; })) continue;
    file.seekp(static_cast<std::streamoff>(at));
    file.write(block, static_cast<std::streamsize>(size));
  }
  file.close();
  std::filesystem::resize_file(path, bytes.size());
}

inline std::string Read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline std::span<const uint8_t> Bytes(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

inline std::string Gzip(const std::string& bytes) {
  z_stream stream = {};
  deflateInit2(&stream, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

// One ustar header and the contents, padded. Type '0' is a file, '5' a folder.
inline std::string TarEntry(const std::string& name, const std::string& contents, char type = '0') {
  std::string block(512, '\0');
  name.copy(block.data(), 100);
  std::snprintf(block.data() + 100, 8, "%07o", 0644);
  std::snprintf(block.data() + 124, 12, "%011llo",
                static_cast<unsigned long long>(contents.size()));
  block[156] = type;
  std::string(
      "ustar\0"
      "00",
      8)
      .copy(block.data() + 257, 8);
  block.replace(148, 8, 8, ' ');
  unsigned sum = 0;
  for (const char c : block) sum += static_cast<uint8_t>(c);
  std::snprintf(block.data() + 148, 8, "%06o", sum);
  return block + contents + std::string((512 - contents.size() % 512) % 512, '\0');
}

inline std::string TarEnd() { return std::string(1024, '\0'); }

// `records` of CIFAR-10's binary layout: record i of file `salt` has label
// (i + salt) % 10 and pixels of i % 251, but for its first, which is `salt`.
inline std::string Cifar10Binary(int records, int salt) {
  std::string bytes;
  for (int i = 0; i < records; ++i) {
    bytes.push_back(static_cast<char>((i + salt) % 10));
    bytes.push_back(static_cast<char>(salt));
    bytes.append(3071, static_cast<char>(i % 251));
  }
  return bytes;
}

// A batch file of the official size, all zero but for the labels and first pixels
// of its first and last records, which are `salt`.
inline std::string OfficialCifar10Binary(int salt) {
  std::string bytes(10000 * 3073, '\0');
  for (const size_t at : {size_t{0}, size_t{9999 * 3073}}) {
    bytes[at] = bytes[at + 1] = static_cast<char>(salt);
  }
  return bytes;
}

inline std::string LittleEndian(uint32_t value, int count) {
  std::string bytes;
  for (int i = 0; i < count; ++i) bytes.push_back(static_cast<char>(value >> (8 * i)));
  return bytes;
}

// Records of the binary layout in the Python one: the opcodes that Python 2's cPickle
// writes for {'batch_label', 'labels', 'data', 'filenames'} at protocol 2.
inline std::string Cifar10Python(const std::string& binary) {
  using namespace std::string_literals;
  const size_t records = binary.size() / 3073;
  const auto text = [](const std::string& s) {
    return std::string("U") + LittleEndian(static_cast<uint32_t>(s.size()), 1) + s;
  };
  std::string labels, pixels, names;
  for (size_t i = 0; i < records; ++i) {
    const size_t at = i * 3073;
    labels += std::string("K") + binary.substr(at, 1);
    pixels += binary.substr(at + 1, 3072);
    names += text("image_" + std::to_string(i) + ".png");
  }
  const std::string array =
      "cnumpy.core.multiarray\n_reconstruct\nq\x05"s + "cnumpy\nndarray\nq\x06" + "K\0\x85q\x07"s +
      text("b") + "q\x08\x87q\x09Rq\x0a" + "(K\x01M" +
      LittleEndian(static_cast<uint32_t>(records), 2) + "M\x00\x0c\x86q\x0b"s +
      "cnumpy\ndtype\nq\x0c" + text("u1") + "K\0K\x01\x87q\x0dRq\x0e(K\x03"s + text("|") +
      "NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tq\x0f"s + "b\x89" + "T" +
      LittleEndian(static_cast<uint32_t>(pixels.size()), 4) + pixels + "tq\x10" + "b";
  return "\x80\x02}q\x01("s + text("batch_label") + "q\x02" + text("training batch 1 of 5") +
         "q\x03" + text("labels") + "]q\x04(" + labels + "e" + text("data") + array +
         text("filenames") + "]q\x11(" + names + "e" + "u.";
}

// The six files of the binary layout; file k has salt k.
inline std::vector<std::pair<std::string, std::string>> Cifar10BinaryFiles() {
  std::vector<std::pair<std::string, std::string>> files;
  for (int k = 1; k <= 5; ++k) {
    files.emplace_back("data_batch_" + std::to_string(k) + ".bin", OfficialCifar10Binary(k));
  }
  files.emplace_back("test_batch.bin", OfficialCifar10Binary(6));
  return files;
}

// The binary archive, its files in another order than the images'.
inline std::string Cifar10Archive() {
  std::string tar = TarEntry("cifar-10-batches-bin/", "", '5');
  auto files = Cifar10BinaryFiles();
  std::swap(files[0], files[3]);
  for (const auto& [name, contents] : files) {
    tar += TarEntry("cifar-10-batches-bin/" + name, contents);
  }
  return Gzip(tar + TarEnd());
}

inline std::string BigEndian(uint32_t value) {
  std::string bytes = LittleEndian(value, 4);
  return {bytes.rbegin(), bytes.rend()};
}

// An idx file of bytes.
inline std::string Idx(const std::vector<uint32_t>& sizes, const std::string& elements) {
  std::string bytes = std::string("\0\0\x08", 3) + static_cast<char>(sizes.size());
  for (const uint32_t size : sizes) bytes += BigEndian(size);
  return bytes + elements;
}

// The four files of Fashion-MNIST, compressed. Image i has pixels of i % 251 and
// label i % 10.
inline std::vector<std::pair<std::string, std::string>> FashionMnistGzipFiles() {
  std::vector<std::pair<std::string, std::string>> files;
  for (const auto& [prefix, count] : {std::pair{"train", 60000u}, std::pair{"t10k", 10000u}}) {
    std::string pixels, labels;
    for (uint32_t i = 0; i < count; ++i) {
      pixels.append(28 * 28, static_cast<char>(i % 251));
      labels.push_back(static_cast<char>(i % 10));
    }
    files.emplace_back(std::string(prefix) + "-images-idx3-ubyte.gz",
                       Gzip(Idx({count, 28, 28}, pixels)));
    files.emplace_back(std::string(prefix) + "-labels-idx1-ubyte.gz", Gzip(Idx({count}, labels)));
  }
  return files;
}

}  // namespace signum::data::testing

#endif  // SIGNUM_DATA_TEST_FILES_H_
