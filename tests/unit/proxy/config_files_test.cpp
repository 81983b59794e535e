#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "unit/proxy/config_support.h"

namespace ouro::proxy {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// A folder of files that is gone after the test.
class ConfigFilesTest : public testing::Test {
 protected:
  ConfigFilesTest() {
    std::string name = testing::TempDir() + "ouro [config] XXXXXX";
    folder_ = ::mkdtemp(name.data());
  }
  ~ConfigFilesTest() override { std::filesystem::remove_all(folder_); }

  void write(const std::string& name, std::string_view text) {
    const std::filesystem::path path = folder_ / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }

  ConfigFiles load(const std::string& name) {
    return load_config_files((folder_ / name).string(), environment_of({{"PART", "one"}}));
  }

  // Without the folder, which has another name each time.
  std::string shortened(std::string text) {
    const std::string folder = folder_.string() + "/";
    for (std::size_t at = text.find(folder); at != text.npos; at = text.find(folder)) {
      text.erase(at, folder.size());
    }
    return text;
  }

  std::vector<std::string> names(const ConfigFiles& loaded) {
    std::vector<std::string> all;
    for (const ConfigFile& file : loaded.files) all.push_back(shortened(file.name));
    return all;
  }

  std::vector<std::string> errors(const ConfigFiles& loaded) {
    std::vector<std::string> all;
    for (const ConfigError& error : loaded.errors) all.push_back(shortened(error.to_string()));
    return all;
  }

  std::filesystem::path folder_;
};

TEST_F(ConfigFilesTest, each_comes_before_what_it_includes) {
  write("main.toml", "include = ['conf.d/*.toml', '${PART}.toml']\n");
  write("conf.d/b.toml", "");
  write("conf.d/a.toml", "include = 'deeper/x.toml'\n");
  write("conf.d/a.txt", "no config");
  write("conf.d/.hidden.toml", "no config");
  write("conf.d/deeper/x.toml", kSmallest);
  write("one.toml", "[workers]\ncount = 2\n");
  const ConfigFiles loaded = load("main.toml");
  EXPECT_THAT(errors(loaded), IsEmpty());
  EXPECT_THAT(names(loaded), ElementsAre("main.toml", "conf.d/a.toml", "conf.d/deeper/x.toml",
                                         "conf.d/b.toml", "one.toml"));
  const ReadConfig read = read_config(loaded, environment_of({{"PART", "one"}}));
  EXPECT_THAT(lines_of(read.errors), IsEmpty());
  EXPECT_EQ(read.config.workers.count, 2u);
  EXPECT_EQ(read.config.upstreams.size(), 1u);
}

TEST_F(ConfigFilesTest, a_pattern_may_find_nothing_but_a_name_has_to_be_there) {
  write("main.toml", "include = ['*.none', 'none.d/*', 'none.toml']\n");
  EXPECT_THAT(errors(load("main.toml")),
              ElementsAre("main.toml:1:34: cannot read none.toml: No such file or directory"));
  EXPECT_THAT(errors(load("other.toml")),
              ElementsAre("cannot read other.toml: No such file or directory"));
  EXPECT_THAT(errors(load(".")), ElementsAre("cannot read .: Is a directory"));
}

TEST_F(ConfigFilesTest, what_goes_round_in_circles_is_refused) {
  write("a.toml", "include = 'b.toml'\n");
  write("b.toml", "include = './c.toml'\n");
  write("c.toml", "include = ['b.toml', 'd.toml']\n");
  write("d.toml", "");
  const ConfigFiles loaded = load("a.toml");
  EXPECT_THAT(errors(loaded), ElementsAre("./c.toml:1:12: b.toml would include itself, by way of "
                                          "a.toml, b.toml, ./c.toml"));
  EXPECT_THAT(names(loaded), ElementsAre("a.toml", "b.toml", "./c.toml", "./d.toml"));
}

TEST_F(ConfigFilesTest, the_same_file_twice_is_refused_whatever_it_is_called) {
  write("a.toml", "include = ['b.toml', 'c.toml']\n");
  write("b.toml", "");
  std::filesystem::create_symlink("b.toml", folder_ / "c.toml");
  EXPECT_THAT(errors(load("a.toml")), ElementsAre("a.toml:1:22: c.toml is included already"));
}

TEST_F(ConfigFilesTest, depth_number_and_size_have_bounds) {
  for (int i = 0; i < 10; ++i) {
    write("deep" + std::to_string(i), "include = 'deep" + std::to_string(i + 1) + "'\n");
  }
  EXPECT_THAT(errors(load("deep0")),
              ElementsAre("deep8:1:11: files include each other more than 8 deep"));

  for (int i = 0; i < 70; ++i) write("many/" + std::to_string(i), "");
  write("wide", "include = 'many/*'\n");
  EXPECT_THAT(errors(load("wide")), ElementsAre("wide:1:11: more than 64 files are included"));
  EXPECT_EQ(load("wide").files.size(), 65u);

  write("large", std::string((std::size_t{8} << 20) + 1, '\n'));
  EXPECT_THAT(errors(load("large")), ElementsAre("cannot read large: it is larger than 8MiB"));
  write("full", std::string(std::size_t{8} << 20, '\n'));
  EXPECT_THAT(errors(load("full")), IsEmpty());
}

TEST_F(ConfigFilesTest, what_is_no_toml_is_left_for_reading) {
  write("main.toml", "include = ['a.toml']\nx = = 1\n");
  const ConfigFiles loaded = load("main.toml");
  EXPECT_THAT(errors(loaded), IsEmpty());
  EXPECT_EQ(read_config(loaded, environment_of({})).errors.size(), 1u);
}

}  // namespace
}  // namespace ouro::proxy
