#include "os/text_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

namespace ouro::os {
namespace {

constexpr std::size_t kMost = 100;

TEST(TextFile, a_file_is_read_to_its_end) {
  const std::string path = testing::TempDir() + "ouro_text_file";
  std::ofstream(path) << "some text\n";
  const auto read = read_text_file(path, kMost);
  ASSERT_TRUE(read) << read.error().what;
  EXPECT_EQ(read->text, "some text\n");
  std::ofstream(path) << std::string(kMost + 1, '-');
  EXPECT_FALSE(read_text_file(path, kMost));
  std::filesystem::remove(path);
}

TEST(TextFile, a_pipe_that_nobody_writes_to_is_not_waited_for) {
  const std::string path = testing::TempDir() + "ouro_text_pipe";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  const auto read = read_text_file(path, kMost);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().what, "cannot read " + path + ": it is no regular file");
  std::filesystem::remove(path);
}

TEST(TextFile, what_is_no_file_is_named) {
  EXPECT_EQ(read_text_file("/dev/null", kMost).error().what,
            "cannot read /dev/null: it is no regular file");
  EXPECT_EQ(read_text_file("/proc", kMost).error().what, "cannot read /proc: Is a directory");
}

}  // namespace
}  // namespace ouro::os
