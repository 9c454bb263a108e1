// SPDX-License-Identifier: Apache-2.0
#include "cli/socket.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <future>
#include <thread>

namespace qalam {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

// A server whose loop runs in a thread of its own; it answers with what it was asked.
class SocketTest : public testing::Test {
 protected:
  SocketTest() {
    std::string name = testing::TempDir() + "/qalam-sock-XXXXXX";
    folder = mkdtemp(name.data());
    path = folder + "/q.db.sock";
  }
  ~SocketTest() override {
    Stop();
    std::filesystem::remove_all(folder);
  }

  void Serve() {
    auto listening = SocketServer::Listen(loop, path,
                                          {.request =
                                               [](auto, const Node& request) {
                                                 if (request.Find("fault") != nullptr) {
                                                   return ErrorAnswer(Error(Code::kNotFound, "no such thing"));
                                                 }
                                                 Node answer = OkAnswer();
                                                 answer.Set("asked", request);
                                                 return answer;
                                               },
                                           .closed = [this](auto) { ++closed; }});
    ASSERT_TRUE(listening.ok()) << listening.status().message();
    server = *std::move(listening);
    thread = std::thread([this] { loop.Run(); });
  }
  void Stop() {
    if (!thread.joinable()) return;
    loop.Stop();
    thread.join();
    server.reset();
  }

  // Sends bytes as they are; what comes back until the other side closes.
  std::string Raw(const std::string& bytes) const {
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    EXPECT_EQ(connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    for (std::size_t at = 0; at < bytes.size();) {
      const ssize_t n = send(fd, bytes.data() + at, bytes.size() - at, MSG_NOSIGNAL);
      if (n <= 0) break;
      at += static_cast<std::size_t>(n);
    }
    shutdown(fd, SHUT_WR);
    std::string answer;
    char buffer[4096];
    for (ssize_t n = 0; (n = read(fd, buffer, sizeof buffer)) > 0;) answer.append(buffer, static_cast<std::size_t>(n));
    close(fd);
    return answer;
  }

  Node Ask(const std::string& key) const {
    Node request = Node::Map();
    request.Set(key, Node::Bool(true));
    return request;
  }

  std::string folder, path;
  SystemClock clock;
  EventLoop loop{clock};
  std::unique_ptr<SocketServer> server;
  std::thread thread;
  std::atomic<int> closed{0};
};

TEST_F(SocketTest, AnAnswerThatComesTooLateIsNotTakenForTheNextOne) {
  Serve();
  auto client = SocketClient::Connect(path);
  ASSERT_TRUE(client.ok());
  std::promise<void> asked_twice;  // the server is held up until then
  loop.Post([&asked_twice] { asked_twice.get_future().wait(); });
  for (const int number : {1, 2, 3}) {
    Node request = Node::Map();
    request.Set("number", Node::Int(number));
    const auto answer = (*client)->Call(request, milliseconds(number < 3 ? 50 : 20'000));
    ASSERT_EQ(answer.ok(), number == 3) << number;
    if (number == 2) asked_twice.set_value();
    if (answer.ok()) {
      EXPECT_EQ(answer->Find("asked")->Find("number")->text, "3");
    }
  }
}

TEST_F(SocketTest, AnswersEachRequestInTurn) {
  Serve();
  const auto client = SocketClient::Connect(path);
  ASSERT_TRUE(client.ok());
  for (int i = 0; i < 3; ++i) {
    const auto answer = (*client)->Call(Ask("hello"), milliseconds(5000));
    ASSERT_TRUE(answer.ok()) << answer.status().message();
    EXPECT_EQ(answer->FindPath({"asked", "hello"})->text, "true");
  }
}

TEST_F(SocketTest, AFaultComesBackWithItsCode) {
  Serve();
  const auto client = SocketClient::Connect(path);
  const auto answer = (*client)->Call(Ask("fault"), milliseconds(5000));
  EXPECT_EQ(answer.status().code(), Code::kNotFound);
  EXPECT_EQ(answer.status().message(), "no such thing");
}

TEST_F(SocketTest, OnlyTheOwnerMayConnect) {
  Serve();
  struct stat info {};
  ASSERT_EQ(stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U);
}

TEST_F(SocketTest, GarbageIsAnsweredAndTheNextRequestStillWorks) {
  Serve();
  const std::string answers = Raw("{not json}\n[1,2]\n\n\x01\xff\xfe\n{\"a\":1}\n");
  EXPECT_EQ(std::ranges::count(answers, '\n'), 4);
  EXPECT_THAT(answers, HasSubstr("a JSON object is wanted"));
  EXPECT_THAT(answers, HasSubstr(R"({"ok":true,"asked":{"a":1}})"));
}

TEST_F(SocketTest, ARequestInSmallPiecesIsOneRequest) {
  Serve();
  const auto client = SocketClient::Connect(path);
  for (const char* piece : {"{\"a\"", ":", "1", "}"}) {
    ASSERT_GT(send((*client)->fd(), piece, std::strlen(piece), 0), 0);
    std::this_thread::yield();
  }
  ASSERT_EQ(send((*client)->fd(), "\n", 1, 0), 1);
  char buffer[256];
  const ssize_t n = read((*client)->fd(), buffer, sizeof buffer);
  EXPECT_EQ(std::string(buffer, static_cast<std::size_t>(n)), "{\"ok\":true,\"asked\":{\"a\":1}}\n");
}

TEST_F(SocketTest, ALineWithoutEndIsRefusedAndOthersAreServed) {
  Serve();
  (void)Raw(std::string(6 << 20, 'x'));
  const auto client = SocketClient::Connect(path);
  EXPECT_TRUE((*client)->Call(Ask("hello"), milliseconds(5000)).ok());
}

TEST_F(SocketTest, ALargeRequestArrivesWhole) {
  Serve();
  const auto client = SocketClient::Connect(path);
  Node request = Node::Map();
  request.Set("source", Node::String(std::string(900'000, 's')));
  const auto answer = (*client)->Call(request, milliseconds(10'000));
  ASSERT_TRUE(answer.ok()) << answer.status().message();
  EXPECT_EQ(answer->FindPath({"asked", "source"})->text.size(), 900'000U);
}

TEST_F(SocketTest, ASocketLeftBehindIsReplaced) {
  Serve();
  Stop();
  std::ofstream(path) << "left behind";
  Serve();
  EXPECT_TRUE(SocketClient::Connect(path).ok());
}

TEST_F(SocketTest, APathThatSunPathCannotHoldWorks) {
  for (int i = 0; i < 4; ++i) {
    folder += "/" + std::string(50, static_cast<char>('a' + i));
    std::filesystem::create_directory(folder);
  }
  path = folder + "/q.db.sock";
  Serve();
  const auto client = SocketClient::Connect(path);
  ASSERT_TRUE(client.ok()) << client.status().message();
  EXPECT_TRUE((*client)->Call(Ask("hello"), milliseconds(5000)).ok());
}

TEST_F(SocketTest, TheOtherSidesEndIsNoticed) {
  Serve();
  auto client = SocketClient::Connect(path);
  ASSERT_TRUE((*client)->Call(Ask("hello"), milliseconds(5000)).ok());
  EXPECT_FALSE((*client)->gone());
  Stop();
  EXPECT_TRUE((*client)->gone());
  EXPECT_EQ((*client)->Call(Ask("hello"), milliseconds(5000)).status().code(), Code::kUnavailable);
  EXPECT_EQ(SocketClient::Connect(path).status().code(), Code::kUnavailable);
}

}  // namespace
}  // namespace qalam
