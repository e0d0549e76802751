#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>

#include "tests/end_to_end/run_trinity.h"
#include "tests/end_to_end/served_pico.h"
#include "tests/support/paths.h"

// A checkpoint from somebody who means harm, given to the program as a user would: each ends in one
// line that names the file, with exit code 1, soon.

namespace trinity {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

void ExpectRefusal(const ProcessResult& result, const std::string& message) {
  EXPECT_EQ(result.exit_code, 1) << "signal " << result.signal << ": " << result.err;
  EXPECT_FALSE(result.timed_out);
  EXPECT_EQ(result.out, "");
  EXPECT_THAT(result.err, AllOf(StartsWith("trinity: "), HasSubstr(message), EndsWith("\n")));
  EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
}

// The bundled checkpoint in a folder of this test, to be damaged. Its files are links to the true
// ones until they are replaced.
class HostileFiles : public testing::Test {
 protected:
  HostileFiles() {
    for (const auto& file : fs::directory_iterator(PicoFolder())) {
      fs::create_symlink(file.path(), folder_ / file.path().filename().string());
    }
  }

  void Write(const std::string& name, const std::string& content) {
    fs::remove(folder_ / name);
    std::ofstream(folder_ / name, std::ios::binary) << content;
  }
  void Link(const std::string& name, const std::string& target) {
    fs::remove(folder_ / name);
    fs::create_symlink(target, folder_ / name);
  }
  ProcessResult Run() { return RunTrinity({"run", folder_.path(), "-p", "Hello!", "-n", "2"}); }
  ProcessResult Inspect() { return RunTrinity({"inspect", folder_.path()}); }
  ProcessResult Tokenize(const std::string& text) {
    return RunTrinity({"tokenize", "-m", folder_.path(), "-p", text});
  }

  TemporaryFolder folder_;
};

// The 8 bytes before a safetensors header.
std::string LengthBytes(uint64_t length) {
  std::string bytes;
  for (int i = 0; i < 8; ++i) bytes.push_back(static_cast<char>(length >> (8 * i)));
  return bytes;
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

constexpr const char* kReadFiles[] = {"config.json", "tokenizer.json", "tokenizer_config.json",
                                      "generation_config.json", "model.safetensors"};

TEST_F(HostileFiles, TheUndamagedFolderRuns) { EXPECT_EQ(Run().exit_code, 0); }

TEST_F(HostileFiles, EndlessDevicesFifosAndFoldersAreRefusedAsFiles) {
  for (const std::string name : kReadFiles) {
    Link(name, "/dev/zero");
    ExpectRefusal(Run(), name + ": expected a regular file, found a device");
    fs::remove(folder_ / name);
    ASSERT_EQ(mkfifo((folder_ / name).c_str(), 0600), 0);
    ExpectRefusal(Run(), name + ": expected a regular file, found a FIFO");
    fs::remove(folder_ / name);
    fs::create_directory(folder_ / name);
    ExpectRefusal(Run(), name + ": expected a regular file, found a folder");
    fs::remove(folder_ / name);
    Link(name, PicoFolder() + "/" + name);
  }
}

// As a half downloaded model of a cache has them: what is missing must not look like never there.
TEST_F(HostileFiles, LinksThatLeadNowhereAreRefused) {
  for (const std::string name : {"config.json", "tokenizer.json", "tokenizer_config.json",
                                 "generation_config.json", "chat_template.jinja"}) {
    Link(name, "/nonexistent/file");
    ExpectRefusal(Run(), name + ": ");
    Link(name, name);
    ExpectRefusal(Run(), name + ": ");
    Link(name, PicoFolder() + "/" + name);
  }
  Link("additional_chat_templates", "additional_chat_templates");
  ExpectRefusal(Run(), "additional_chat_templates: ");
}

TEST_F(HostileFiles, TemplatesThatMakeNoPromptAreRefused) {
  Write("chat_template.jinja", "{% if messages|length > 99 %}x{% endif %}");
  ExpectRefusal(Run(), "the chat template makes no prompt");
  const ProcessResult chat = RunTrinity({"chat", folder_.path()}, {.input = "Hello!\n"});
  EXPECT_EQ(chat.exit_code, 1);
  EXPECT_THAT(chat.err, HasSubstr("the chat template makes no prompt"));
  const ServedPico served({"-m", folder_.path()});
  const RawHttpResponse response = served.Post(
      "/v1/chat/completions", {{"messages", {{{"role", "user"}, {"content", "Hello!"}}}}});
  EXPECT_EQ(response.status, 400);
  EXPECT_THAT(response.body, HasSubstr("the chat template makes no prompt"));
}

TEST_F(HostileFiles, EndlessPromptsAreRefused) {
  ExpectRefusal(RunTrinity({"run", "-f", "/dev/zero"}),
                "/dev/zero: expected at most 67108864 bytes");
  ExpectRefusal(RunProcess("/bin/sh", {"-c", "exec \"$0\" run < /dev/zero", TRINITY_BINARY}),
                "stdin: expected at most 67108864 bytes");
}

// What stands for 10 GB of zeros when it is unpacked, and 100 KB as it lies there.
TEST_F(HostileFiles, CompressedFilesAreTakenAsTheyLieThere) {
  std::string bomb = "\x1f\x8b\x08";
  bomb.resize(100'000, '\0');
  for (const std::string name : kReadFiles) {
    Write(name, bomb);
    ExpectRefusal(Run(), name);
    Link(name, PicoFolder() + "/" + name);
  }
}

TEST_F(HostileFiles, DeepJsonIsRefused) {
  for (const std::string name : kReadFiles) {
    const std::string deep =
        "{\"a\":" + std::string(100'000, '[') + std::string(100'000, ']') + "}";
    Write(name, name == "model.safetensors" ? LengthBytes(deep.size()) + deep : deep);
    ExpectRefusal(Run(), "deeper than");
    Link(name, PicoFolder() + "/" + name);
  }
}

TEST_F(HostileFiles, DuplicateKeysAreRefused) {
  for (const std::string name : kReadFiles) {
    const std::string twice = R"({"version":{"b":1},"version":{"b":1}})";
    Write(name, name == "model.safetensors" ? LengthBytes(twice.size()) + twice : twice);
    EXPECT_EQ(Run().exit_code, 1) << name;
    Link(name, PicoFolder() + "/" + name);
  }
}

TEST_F(HostileFiles, TextThatIsNotUtf8IsRefused) {
  for (const std::string name : kReadFiles) {
    const std::string broken = "{\"a\xff\":1}";
    Write(name, name == "model.safetensors" ? LengthBytes(broken.size()) + broken : broken);
    ExpectRefusal(Run(), "not valid JSON");
    Link(name, PicoFolder() + "/" + name);
  }
}

TEST_F(HostileFiles, HeaderLengthsOfSafetensorsAreChecked) {
  for (const uint64_t length : {uint64_t{0}, uint64_t{1}, uint64_t{1} << 63, uint64_t{100'000'001},
                                uint64_t{1'000'000}, ~uint64_t{0}}) {
    Write("model.safetensors", LengthBytes(length) + "{}");
    ExpectRefusal(Run(), "model.safetensors: safetensors header length: expected at ");
  }
}

TEST_F(HostileFiles, OneHundredThousandEntriesAreReadAndNamed) {
  std::string header = "{";
  for (int i = 0; i < 100'000; ++i) {
    header += (i == 0 ? "\"t" : ",\"t") + std::to_string(i) +
              R"(":{"dtype":"U8","shape":[0],"data_offsets":[0,0]})";
  }
  header += "}";
  Write("model.safetensors", LengthBytes(header.size()) + header);
  ExpectRefusal(Run(), "tensor model.embed_tokens.weight is missing");

  std::string index = R"({"weight_map":{)";
  for (int i = 0; i < 100'000; ++i) {
    index += (i == 0 ? "\"t" : ",\"t") + std::to_string(i) + "\":\"f" + std::to_string(i) + "\"";
  }
  fs::remove(folder_ / "model.safetensors");
  Write("model.safetensors.index.json", index + "}}");
  ExpectRefusal(Run(), "f0: shard named by the index cannot be found");
}

TEST_F(HostileFiles, ShardsOutsideOfTheFolderAreRefused) {
  fs::remove(folder_ / "model.safetensors");
  const std::string index = "model.safetensors.index.json";
  for (const char* name : {"../secret", "/etc/passwd", "a/../../secret"}) {
    Write(index, std::string(R"({"weight_map":{"t":")") + name + "\"}}");
    ExpectRefusal(Run(), "expected the name of a file in the same folder");
  }
  Link("shard", "/etc/passwd");
  Write(index, R"({"weight_map":{"t":"shard"}})");
  ExpectRefusal(Run(), "shard is a symbolic link out of its folder");
}

TEST_F(HostileFiles, ConfigsOfWrongKindsAreRefusedByField) {
  const std::string sound = ReadFile(PicoFolder() + "/config.json");
  const std::string key = "\"num_hidden_layers\":";
  const size_t at = sound.find(key) + key.size();
  const size_t end = sound.find(',', at);
  ASSERT_NE(end, sound.npos);
  for (const char* value : {"\"6\"", "-6", "0", "1e999", "NaN", "2147483648", "[]", "6.5"}) {
    Write("config.json", sound.substr(0, at) + value + sound.substr(end));
    ExpectRefusal(Run(), "config.json");
  }
  Write("config.json", "{}");
  ExpectRefusal(Run(), "config.json");
}

TEST_F(HostileFiles, HostileRegexesEndInAnError) {
  const std::string sound = ReadFile(PicoFolder() + "/tokenizer.json");
  const std::string key = "\"pre_tokenizer\":";
  const size_t at = sound.find(key) + key.size();
  const size_t end = sound.find("\"post_processor\"");
  ASSERT_LT(at, end);
  for (const char* regex : {"(?:a|a)*(?:a|a)*b|(a+)+$b", "(a|aa)+$b", "([a-z]+)*\\\\d\\\\d",
                            "\\\\1(a)", "(?<x>a\\\\g<x>)"}) {
    const std::string steps =
        std::string(R"({"type":"Sequence","pretokenizers":[{"type":"Split",)") +
        R"("pattern":{"Regex":")" + regex +
        R"("},"behavior":"Isolated","invert":false},{"type":"ByteLevel",)"
        R"("add_prefix_space":false,"trim_offsets":true,"use_regex":false}]},)";
    Write("tokenizer.json", sound.substr(0, at) + steps + sound.substr(end));
    ExpectRefusal(Tokenize(std::string(5000, 'a') + "c"), "tokenizer");
  }
}

TEST_F(HostileFiles, NamesFromFilesCannotWriteToTheTerminal) {
  const std::string header =
      R"({"\u001b]0;x\u0007":{"dtype":"\u001b[2J","shape":[],"data_offsets":[0,0]}})";
  Write("model.safetensors", LengthBytes(header.size()) + header);
  const ProcessResult result = Run();
  ExpectRefusal(result, "model.safetensors");
  EXPECT_EQ(result.err.find('\x1b'), result.err.npos);
  EXPECT_EQ(result.err.find('\x07'), result.err.npos);
}

TEST_F(HostileFiles, TemplatesInGgufFilesCannotRunForeverOrReachInternals) {
  const auto render = [this](const std::string& chat_template) {
    Write("chat_template.jinja", chat_template);
    fs::remove(folder_ / "hostile.gguf");
    EXPECT_EQ(RunTrinity({"convert", folder_.path(), folder_ / "hostile.gguf"}).exit_code, 0);
    return RunTrinity({"render", folder_ / "hostile.gguf", "--messages", "-"}, {.input = "[]"});
  };
  EXPECT_EQ(render("{{ messages|length }}").out, "0");
  const std::pair<const char*, const char*> cases[] = {
      {"{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
       "takes more than 20000000 steps"},
      {"{{ ''.__class__.__mro__[1].__subclasses__() }}", "'__class__' of 'str' object is unsafe"},
      {"{{ 'a' * 1000000000000 }}", "at most 67108864 are allowed"},
  };
  for (const auto& [chat_template, message] : cases) {
    const ProcessResult result = render(chat_template);
    EXPECT_EQ(result.exit_code, 1);
    EXPECT_EQ(result.out, "");
    EXPECT_THAT(result.err, AllOf(HasSubstr("hostile.gguf: chat template:1:"), HasSubstr(message)));
  }
}

}  // namespace
}  // namespace trinity
