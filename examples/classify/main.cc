// Classifies an image file with a .sgn model, by nothing but Signum's public API
// and stb. usage: classify MODEL.sgn IMAGE
#include <signum/signum.h>

#include <algorithm>
#include <cstdio>
#include <vector>

#define STB_IMAGE_IMPLEMENTATION
#include <stb/stb_image.h>
#define STB_IMAGE_RESIZE_IMPLEMENTATION
#include <stb/stb_image_resize.h>

int main(int argc, char** argv) {
  if (argc != 3) return std::fprintf(stderr, "usage: classify MODEL.sgn IMAGE\n"), 2;
  const auto fail = [](const std::string& why) {
    std::fprintf(stderr, "classify: %s\n", why.c_str());
    return 1;
  };

  const auto model = signum::Model::Load(argv[1]);
  if (!model) return fail(model.error().message);
  auto session = signum::Session::Create(*model);
  if (!session) return fail(session.error().message);

  const signum::ImageSize size = model->input_size();
  const int height = static_cast<int>(size.height), width = static_cast<int>(size.width);
  const int channels = static_cast<int>(size.channels);
  int file_width, file_height, file_channels;
  stbi_uc* file = stbi_load(argv[2], &file_width, &file_height, &file_channels, channels);
  if (file == nullptr) return fail(std::string(argv[2]) + ": " + stbi_failure_reason());
  std::vector<unsigned char> pixels(size.elements());
  stbir_resize_uint8(file, file_width, file_height, 0, pixels.data(), width, height, 0, channels);
  stbi_image_free(file);

  // Files hold the colours of a pixel together; networks take one plane after the other.
  std::vector<float> image(size.elements()), scores(model->output_size());
  for (int i = 0; i < height * width * channels; ++i) {
    image[i % channels * height * width + i / channels] = pixels[i] / 255.0f;
  }
  if (auto run = session->Run(image, 1, scores); !run) return fail(run.error().message);

  const size_t best = std::max_element(scores.begin(), scores.end()) - scores.begin();
  const auto& names = model->class_names();
  std::printf("%s\n", best < names.size() ? names[best].c_str() : std::to_string(best).c_str());
}
