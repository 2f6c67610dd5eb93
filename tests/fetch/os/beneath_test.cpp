#include "fetch/os/beneath.h"

#include "fetch/os/file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>
#include <functional>
#include <string>
#include <vector>

namespace moat {
namespace {

// What the kernel answers to openat2(): its own, or that of an old kernel (ENOSYS), or of an old container's
// filter (EPERM).
void answer_openat2_with(int error_number) {
  if (error_number == 0) return;
  struct sock_filter rules[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),  // the number of the call
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<unsigned>(error_number)),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const struct sock_fprog program = {4, rules};
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
      ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
    ::_exit(99);
}

// root/{a/b/file}, outside/{b/file,file}: what a link may lead to.
class Beneath : public ::testing::TestWithParam<int> {
 protected:
  Beneath() {
    make_directories(here_ / "root/a/b");
    make_directories(here_ / "outside/b");
    write_file_atomically(here_ / "root/a/b/file", "inside");
    write_file_atomically(here_ / "outside/b/file", "precious");
    write_file_atomically(here_ / "outside/file", "precious");
  }

  // The body in a child of its own, where the filter stays; its failures are told by the exit status.
  void with_kernel(const std::function<void(int root)>& body) {
    const pid_t parent = ::getpid();
    EXPECT_EXIT(
        {
          answer_openat2_with(GetParam());
          const UniqueFd root = open_file(here_ / "root", O_RDONLY | O_DIRECTORY);
          body(root.get());
          ::_exit(HasFailure() ? 1 : 0);
        },
        ::testing::ExitedWithCode(0), "");
    ASSERT_EQ(::getpid(), parent);
  }

  TempDir temp_{::testing::TempDir(), "beneath-test"};
  const fs::path& here_ = temp_.path();
};

int error_of(int result) { return result < 0 ? errno : 0; }

TEST_P(Beneath, ReachesWhatLiesThere) {
  with_kernel([](int root) {
    const UniqueFd file(moat_open_beneath(root, "a/b/file", O_RDONLY, 0));
    EXPECT_TRUE(file);
    EXPECT_NE(::fcntl(file.get(), F_GETFD) & FD_CLOEXEC, 0);
    const UniqueFd made(moat_open_beneath(root, "a/new", O_WRONLY | O_CREAT | O_EXCL, 0600));
    EXPECT_TRUE(made);
    const char* name = nullptr;
    const UniqueFd parent(moat_open_parent_beneath(root, "a/b/file", &name));
    EXPECT_STREQ(name, "file");
    EXPECT_EQ(::faccessat(parent.get(), "file", F_OK, 0), 0);
    const UniqueFd top(moat_open_parent_beneath(root, "a", &name));
    EXPECT_EQ(::faccessat(top.get(), "a/b/file", F_OK, 0), 0);
    const UniqueFd deep(moat_make_directories_beneath(root, "a/c/d/e"));
    EXPECT_TRUE(deep);
    EXPECT_EQ(::faccessat(root, "a/c/d/e", F_OK, 0), 0);
    EXPECT_TRUE(UniqueFd(moat_make_directories_beneath(root, "a/c/d/e")));
    EXPECT_EQ(error_of(moat_open_beneath(root, "a/none/file", O_RDONLY, 0)), ENOENT);
    EXPECT_EQ(error_of(moat_open_beneath(root, "a/b/file/x", O_RDONLY, 0)), ENOTDIR);
    EXPECT_NE(error_of(moat_open_beneath(root, "../outside/file", O_RDONLY, 0)), 0);
    EXPECT_NE(error_of(moat_open_beneath(root, "/etc/passwd", O_RDONLY, 0)), 0);
  });
}

TEST_P(Beneath, FollowsALinkAtNoComponent) {
  const fs::path outside = here_ / "outside";
  const std::vector<std::pair<std::string, fs::path>> links = {
      {"a", outside}, {"a/b", outside / "b"}, {"a/b/file", outside / "file"}, {"a/b/file", outside / "none"}};
  for (const auto& [at, target] : links) {
    SCOPED_TRACE(at);
    remove_tree(here_ / "root");
    make_directories((here_ / "root" / at).parent_path());
    fs::create_symlink(target, here_ / "root" / at);
    with_kernel([&](int root) {
      EXPECT_EQ(error_of(moat_open_beneath(root, "a/b/file", O_RDWR | O_CREAT, 0666)), ELOOP);
      EXPECT_EQ(error_of(moat_open_lock_beneath(root, "a/b/file", O_RDWR | O_CREAT)), ELOOP);
      EXPECT_EQ(error_of(moat_make_directories_beneath(root, "a/b/file")), ELOOP);
      EXPECT_EQ(error_of(moat_make_directories_beneath(root, "a/b/file/more")), ELOOP);
    });
    EXPECT_EQ(read_file(outside / "file"), "precious");
    EXPECT_EQ(read_file(outside / "b/file"), "precious");
    EXPECT_FALSE(fs::exists(outside / "none"));
  }
}

TEST_P(Beneath, LocksAreRegularFiles) {
  ASSERT_EQ(::mkfifo((here_ / "root/fifo").c_str(), 0666), 0);
  with_kernel([](int root) {
    EXPECT_EQ(error_of(moat_open_lock_beneath(root, "fifo", O_RDWR)), ELOOP);
    EXPECT_EQ(error_of(moat_open_lock_beneath(root, "fifo", O_RDONLY)), ELOOP);
    EXPECT_NE(error_of(moat_open_lock_beneath(root, "a", O_RDWR | O_CREAT)), 0);
    EXPECT_TRUE(UniqueFd(moat_open_lock_beneath(root, "a/lock", O_RDWR | O_CREAT)));
  });
}

INSTANTIATE_TEST_SUITE_P(Kernels, Beneath, ::testing::Values(0, ENOSYS, EPERM));

}  // namespace
}  // namespace moat
