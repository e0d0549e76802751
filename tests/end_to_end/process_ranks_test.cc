#include <fmt/format.h>
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "checkpoint/safetensors_writer.h"
#include "model/gguf_config.h"
#include "tests/end_to_end/run_trinity.h"
#include "tests/end_to_end/served_on_ranks.h"
#include "tests/end_to_end/served_pico.h"
#include "tests/support/golden.h"
#include "tests/support/paths.h"

// One model on several ranks, processes and threads.

namespace trinity {
namespace {

using testing::EndsWith;
using testing::HasSubstr;

ProcessResult RunOnProcesses(int num_ranks, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), TRINITY_BINARY);
  return RunWithMpi(num_ranks, std::move(arguments));
}

constexpr const char* kQuestion = "What is a violin?";

std::string AnswerOfOneRank() {
  return RunTrinity({"run", "-p", kQuestion, "-n", "12", "--temperature", "0"}).out;
}

// One rank: VerifyCommand.EveryGoldenHolds.
TEST(RanksAsThreads, VerifyEveryGolden) {
  for (const std::string& name : GoldenCases()) {
    for (const char* ranks : {"2", "3", "5", "8"}) {
      const ProcessResult result =
          RunTrinity({"verify", GoldenFolder(name), "--ranks", ranks, "-t", "1"});
      EXPECT_EQ(result.exit_code, 0) << name << " " << ranks << "\n" << result.out << result.err;
      EXPECT_THAT(result.out, EndsWith("passed\n"));
    }
  }
}

// The weights of Pico are BF16.
TEST(RanksAsThreads, VerifyBFloat16Weights) {
  for (const char* ranks : {"3", "8"}) {
    const ProcessResult result =
        RunTrinity({"verify", PicoFolder(), TestData("goldens/pico/golden.safetensors"), "--ranks",
                    ranks, "-t", "1"});
    EXPECT_EQ(result.exit_code, 0) << ranks << "\n" << result.out << result.err;
  }
}

// What one rank computes of a GGUF file in float32, as a golden.
void WriteGoldenOfOneRank(const std::string& model_path, const std::string& path) {
  constexpr int64_t kTokens = 40;
  Checkpoint checkpoint = Checkpoint::Open(model_path);
  TranslateGguf(checkpoint);
  ThreadPool pool(2);
  const auto model = Model::Load(checkpoint, pool);
  std::vector<int32_t> ids =
      GoldenIds(Checkpoint::Open(TestData("goldens/pico/golden.safetensors")), 0);
  ids.resize(kTokens);
  const std::vector<float> logits = RunModel(*model, ids);
  const std::vector<int64_t> wide_ids(ids.begin(), ids.end());
  SafetensorsWriter writer(
      path,
      std::vector<TensorSpec>{{"input_ids", DType::kI64, {1, kTokens}},
                              {"logits", DType::kF32, {1, kTokens, model->config().vocab_size}}});
  writer.WriteAt(0, 0, std::as_bytes(std::span(wide_ids)));
  writer.WriteAt(1, 0, std::as_bytes(std::span(logits)));
  writer.Commit();
}

TEST(RanksAsThreadsAndProcesses, VerifyQuantizedWeights) {
  const TemporaryFolder folder;
  const std::string golden = folder / "golden.safetensors";
  for (const std::string type : {"q8_0", "q4_0", "q4_k_m"}) {
    const std::string model = folder / (type + ".gguf");
    const ProcessResult quantized = RunTrinity({"quantize", PicoFolder(), model, "--type", type});
    ASSERT_EQ(quantized.exit_code, 0) << quantized.err;
    WriteGoldenOfOneRank(model, golden);
    const ProcessResult on_threads =
        RunTrinity({"verify", model, golden, "--ranks", "5", "-t", "1"});
    EXPECT_EQ(on_threads.exit_code, 0) << type << "\n" << on_threads.out << on_threads.err;
    const ProcessResult on_processes = RunOnProcesses(3, {"verify", model, golden, "-t", "1"});
    EXPECT_EQ(on_processes.exit_code, 0) << type << "\n" << on_processes.out << on_processes.err;
  }
}

// A share is what is left of the whole bytes, which one rank has, and some that all ranks have.
void ExpectShare(const ProcessResult& result, int num_ranks) {
  ASSERT_EQ(result.exit_code, 0) << result.out << result.err;
  const Json weights = Json::parse(result.out).at("weights");
  EXPECT_EQ(weights["passed"], true);
  EXPECT_EQ(weights["ranks"], num_ranks);
  const auto bytes = weights["largest_rank_bytes"].get<int64_t>();
  EXPECT_LE(bytes, weights["largest_rank_bytes_expected_at_most"].get<int64_t>());
  EXPECT_GE(bytes, weights["whole_bytes"].get<int64_t>() / num_ranks);
  EXPECT_LE(bytes, weights["whole_bytes"].get<int64_t>() / num_ranks * 5 / 4);
}

TEST(RanksAsThreads, VerifyThatEachHoldsNoMoreThanItsShare) {
  ExpectShare(RunTrinity({"verify", PicoFolder(), "--json"}), 1);
  ExpectShare(RunTrinity({"verify", PicoFolder(), "--json", "--ranks", "2"}), 2);
  ExpectShare(
      RunTrinity({"verify", PicoFolder(), "--json", "--ranks", "4", "--expert-parallel", "2"}), 4);
  EXPECT_THAT(RunTrinity({"verify", GoldenFolder("base"), "--ranks", "3"}).out,
              HasSubstr("weights     ok    rank "));
}

TEST(RanksAsThreads, VerifyGradients) {
  const std::vector<std::string> verify = {"verify", GoldenFolder("tied"), "--gradients"};
  for (const std::vector<std::string>& flags :
       {std::vector<std::string>{"--ranks", "3"}, {"--ranks", "4", "--expert-parallel", "2"}}) {
    std::vector<std::string> arguments = verify;
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    const ProcessResult result = RunTrinity(arguments);
    EXPECT_EQ(result.exit_code, 0) << flags.back() << result.out << result.err;
    EXPECT_THAT(result.out, HasSubstr("gradients   ok "));
  }
  // Those of another model are wrong on ranks too, and a golden without any is refused.
  EXPECT_EQ(
      RunTrinity({"verify", GoldenFolder("base"), GoldenFolder("tied") + "/golden.safetensors",
                  "--gradients", "--ranks", "2"})
          .exit_code,
      1);
  EXPECT_EQ(RunTrinity({"verify", GoldenFolder("no_mup"), "--gradients", "--ranks", "2"}).exit_code,
            1);
}

TEST(RanksAsThreads, AnswerLikeOneRank) {
  const std::string expected = AnswerOfOneRank();
  for (const std::vector<std::string>& flags : {std::vector<std::string>{"--ranks", "2"},
                                                {"--tensor-parallel", "5"},
                                                {"--ranks", "4", "--expert-parallel", "2"}}) {
    std::vector<std::string> arguments = {"run", "-p", kQuestion, "-n", "12", "--temperature", "0"};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    EXPECT_EQ(RunTrinity(arguments).out, expected) << flags.back();
  }
}

TEST(RanksAsThreads, DrawWhatOneRankDraws) {
  const std::vector<std::string> arguments = {
      "run", "-p", kQuestion, "-n", "12", "--temperature", "0.7", "--top-k", "20", "--seed", "3"};
  std::vector<std::string> on_ranks = arguments;
  on_ranks.insert(on_ranks.end(), {"--ranks", "3"});
  EXPECT_EQ(RunTrinity(on_ranks).out, RunTrinity(arguments).out);
}

TEST(RanksAsThreads, BenchCountsTheirCommunication) {
  const ProcessResult result = RunTrinity({"bench", "--ranks", "2", "-p", "8", "-n", "2", "-d",
                                           "0,64", "-b", "2", "-r", "1", "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const auto communication = nlohmann::json::parse(result.out).at("communication");
  EXPECT_EQ(communication.at("ranks"), 2);
  EXPECT_GT(communication.at("sum").at("calls"), 0);
  EXPECT_GT(communication.at("sum").at("bytes"), 0);
}

TEST(RanksAsThreads, ServeWhatOneRankServes) {
  const ServedPico alone({});
  const ServedPico on_ranks({"--ranks", "3"});
  const Json body = {{"messages", Messages(kQuestion)}, {"max_tokens", 12}, {"temperature", 0}};
  const auto answer_of = [&](const ServedPico& server) {
    return Json::parse(server.Post("/v1/chat/completions", body).body)["choices"][0]["message"];
  };
  EXPECT_EQ(answer_of(on_ranks), answer_of(alone));
  EXPECT_EQ(answer_of(on_ranks), answer_of(alone)) << "with what is cached";
}

TEST(RanksAsThreads, BadNumbersAreRefused) {
  const ProcessResult result =
      RunTrinity({"run", "-p", "x", "--ranks", "4", "--expert-parallel", "3"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("--expert-parallel: expected a divisor of the 4 ranks"));
  EXPECT_THAT(RunTrinity({"run", "-p", "x", "--ranks", "3", "--reproducible-ranks"}).err,
              HasSubstr("--reproducible-ranks: expected 1, 2, 4 or 8 ranks, found 3"));
}

TEST(RanksAsProcesses, VerifyEveryGolden) {
  for (const std::string& name : GoldenCases()) {
    const ProcessResult result = RunOnProcesses(4, {"verify", GoldenFolder(name), "-t", "1"});
    EXPECT_EQ(result.exit_code, 0) << name << "\n" << result.out << result.err;
    EXPECT_THAT(result.out, HasSubstr("passed\n"));
  }
}

TEST(RanksAsProcesses, VerifyThatEachHoldsNoMoreThanItsShare) {
  ExpectShare(RunOnProcesses(2, {"verify", PicoFolder(), "--json", "-t", "1"}), 2);
}

TEST(RanksAsProcesses, VerifyGradients) {
  const auto gradients_of = [](int num_ranks) {
    const ProcessResult result =
        RunOnProcesses(num_ranks, {"verify", GoldenFolder("tied"), "-t", "1", "--gradients",
                                   "--json", "--reproducible-ranks"});
    EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
    return Json::parse(result.out).at("gradients");
  };
  const Json of_two = gradients_of(2);
  EXPECT_EQ(of_two["passed"], true);
  EXPECT_EQ(of_two, gradients_of(4)) << "the same bits";
  const ProcessResult result =
      RunOnProcesses(2, {"verify", GoldenFolder("tied"), "-t", "1", "--gradients"});
  EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
  EXPECT_THAT(result.out, HasSubstr("gradients   ok "));
}

TEST(RanksAsProcesses, AnswerLikeOneRankAndOnlyRank0Speaks) {
  const ProcessResult result =
      RunOnProcesses(3, {"run", "-p", kQuestion, "-n", "12", "--temperature", "0", "-t", "1"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out, AnswerOfOneRank());
}

TEST(RanksAsProcesses, ReproducibleOnesGiveTheBitsOfOneProcess) {
  const TemporaryFolder folder;
  const auto logits_in = [&](const std::string& file, auto run) {
    const std::string path = folder / file;
    const ProcessResult result = run(std::vector<std::string>{
        "logits", "-p", kQuestion, "--reproducible-ranks", "-t", "1", "-o", path});
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return ReadTextFile(path);
  };
  const std::string alone = logits_in("1", [](auto arguments) { return RunTrinity(arguments); });
  for (const int num_ranks : {2, 4}) {
    EXPECT_EQ(logits_in(std::to_string(num_ranks),
                        [&](auto arguments) { return RunOnProcesses(num_ranks, arguments); }),
              alone)
        << num_ranks;
  }
}

// Each process has its own folder, as hosts have, with the file of its rank alone.
TEST(RanksAsProcesses, NeedNoMoreThanTheFilesOfTheirRanks) {
  const TemporaryFolder folder;
  ASSERT_EQ(
      RunTrinity({"convert", PicoFolder(), folder / "m.gguf", "--tensor-parallel", "2"}).exit_code,
      0);
  for (const std::string rank : {"0", "1"}) {
    const std::string name = "m-rank-" + rank + "-of-2.gguf";
    std::filesystem::create_directory(folder / rank);
    std::filesystem::rename(folder / name, folder / rank + "/" + name);
  }
  const std::string script = fmt::format(
      "cd {}/$OMPI_COMM_WORLD_RANK && exec {} run m-rank-0-of-2.gguf -t 1 -n 12 "
      "--temperature 0 -p '{}'",
      folder.path(), TRINITY_BINARY, kQuestion);
  const ProcessResult result = RunWithMpi(2, {"/bin/sh", "-c", script});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out, AnswerOfOneRank());
}

// What a process runs, by its rank: `scripts`, of which the last is that of all that follow.
std::string ByRank(const std::vector<std::string>& scripts) {
  std::string script = "case \"$OMPI_COMM_WORLD_RANK\" in ";
  for (size_t i = 0; i < scripts.size(); ++i) {
    const std::string rank = i + 1 < scripts.size() ? std::to_string(i) : "*";
    script += fmt::format("{}) {};; ", rank, scripts[i]);
  }
  return script + "esac";
}

void WriteTextFile(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

// One byte of the id by which the linker tells builds apart is another.
void WriteOtherBuild(const std::string& path) {
  constexpr size_t kHeadBytes = 65536;  // notes stand before the code
  std::filesystem::copy_file(TRINITY_BINARY, path);
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  std::string head(kHeadBytes, 0);
  ASSERT_TRUE(file.read(head.data(), kHeadBytes));
  const std::string note_of_20_bytes("\4\0\0\0\24\0\0\0\3\0\0\0GNU\0", 16);
  const size_t note = head.find(note_of_20_bytes);
  ASSERT_NE(note, std::string::npos);
  const size_t id = note + note_of_20_bytes.size();
  file.seekp(static_cast<std::streamoff>(id)).put(static_cast<char>(head[id] ^ 1));
}

TEST(RanksAsProcesses, AnotherBuildIsNamed) {
  const TemporaryFolder folder;
  WriteOtherBuild(folder / "trinity");
  const std::string plugin =
      (std::filesystem::path(TRINITY_BINARY).parent_path() / "libtrinity_mpi.so").string();
  const std::string run = fmt::format(" run -t 1 -n 2 -p '{}'", kQuestion);
  const std::string script =
      "export TRINITY_MPI_PLUGIN=" + plugin + "; " +
      ByRank({TRINITY_BINARY + run, folder / "trinity" + run, TRINITY_BINARY + run});
  const ProcessResult result = RunWithMpi(3, {"/bin/sh", "-c", script});
  EXPECT_FALSE(result.timed_out);
  EXPECT_NE(result.exit_code, 0);
  EXPECT_EQ(result.out, "");
  EXPECT_THAT(result.err, HasSubstr("trinity: rank 1 is another build of trinity: expected "));
}

// The message with which two processes end that have each the model of its own folder.
std::string RefusalOfOther(const std::function<void(const std::string& folder)>& change) {
  const TemporaryFolder folder;
  for (const std::string rank : {"0", "1"}) {
    std::filesystem::copy(PicoFolder(), folder / rank);
  }
  change(folder / "1");
  const std::string script =
      fmt::format("cd {}/$OMPI_COMM_WORLD_RANK && exec {} run . -t 1 -n 2 -p '{}'", folder.path(),
                  TRINITY_BINARY, kQuestion);
  const ProcessResult result = RunWithMpi(2, {"/bin/sh", "-c", script});
  EXPECT_FALSE(result.timed_out);
  EXPECT_NE(result.exit_code, 0);
  EXPECT_EQ(result.out, "");
  return result.err;
}

TEST(RanksAsProcesses, AnotherConfigIsNamed) {
  EXPECT_THAT(RefusalOfOther([](const std::string& folder) {
                std::string config = ReadTextFile(folder + "/config.json");
                config.replace(config.find('{'), 1, R"({"another": 1,)");
                WriteTextFile(folder + "/config.json", config);
              }),
              HasSubstr("rank 1 would compute something else: expected build "));
}

TEST(RanksAsProcesses, OtherWeightsOfTheSameShapesAreNamed) {
  EXPECT_THAT(RefusalOfOther([](const std::string& folder) {
                std::string file = ReadTextFile(folder + "/model.safetensors");
                for (size_t i = file.size() / 2; i < file.size(); i += 2) file[i] ^= 1;
                WriteTextFile(folder + "/model.safetensors", file);
              }),
              HasSubstr("rank 1 would compute something else: expected build "));
}

// 4 ranks share the memory of the host, as threads or as processes.
TEST(RanksAsProcesses, ShareTheMemoryOfTheirHost) {
  const auto budget_of = [](const std::string& command) {
    const ServedOnRanks server(command);
    const RawHttpResponse stats = Exchange(server.port(), RawHttpClient::Get("/v1/stats"));
    return Json::parse(stats.body).at("kv").at("budget_bytes").get<double>();
  };
  const std::string serve = TRINITY_BINARY " serve --port 0 -t 1";
  const double alone = budget_of(serve);
  const auto is_quarter = testing::AllOf(testing::Gt(alone * 0.1), testing::Lt(alone * 0.4));
  EXPECT_THAT(budget_of(serve + " --ranks 4"), is_quarter);
  EXPECT_THAT(budget_of("mpirun --oversubscribe --bind-to none -n 4 " + serve), is_quarter);
}

TEST(RanksAsProcesses, AMissingModelEndsAllOfThem) {
  const ProcessResult result = RunOnProcesses(2, {"run", "/no/such/model", "-p", "x"});
  EXPECT_NE(result.exit_code, 0);
  EXPECT_FALSE(result.timed_out);
  EXPECT_THAT(result.err, HasSubstr("/no/such/model"));
}

TEST(RanksAsProcesses, TheirNumberIsThatOfMpirun) {
  const ProcessResult result = RunOnProcesses(2, {"run", "-p", "x", "--ranks", "3"});
  EXPECT_NE(result.exit_code, 0);
  EXPECT_THAT(result.err, HasSubstr("--ranks: mpirun has started 2 ranks, found 3"));
}

// Ended from outside, as by the system when memory is out: nobody waits for it for ever. Rank 2 is
// killed once rank 0 speaks.
TEST(RanksAsProcesses, OneThatIsKilledEndsAllOfThem) {
  const TemporaryFolder folder;
  const std::string begun = folder / "begun";
  const std::string run = TRINITY_BINARY " run -p Hello -n 4000 --min-tokens 4000 -t 1";
  const std::string script =
      "timeout -s KILL 100 mpirun --oversubscribe --bind-to none -n 3 sh -c '" +
      ByRank({run + " | (head -c 1; touch " + begun + "; cat) >/dev/null", "exec " + run,
              run + " & until [ -e " + begun +
                  " ]; do sleep 0.1; done; kill -KILL $!; sleep 5; exit 9"}) +
      "'";
  const ProcessResult result = RunProcess(
      "/bin/sh", {"-c", script},
      {.environment = {{"OMPI_ALLOW_RUN_AS_ROOT", "1"}, {"OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1"}}});
  EXPECT_FALSE(result.timed_out);
  EXPECT_NE(result.exit_code, 0);
  EXPECT_NE(result.exit_code, 137) << "nothing but the timeout ended it";
  EXPECT_THAT(result.err, HasSubstr("rank 2 has ended"));
}

}  // namespace
}  // namespace trinity
