#include "base/relay.hpp"

#include <doctest.h>

#include <algorithm>
#include <cstddef>
#include <new>
#include <string>
#include <vector>

using namespace fixelf;

namespace {

std::vector<uint8_t> pieceOf(size_t number) {
  std::vector<uint8_t> piece(1 + number % 1000, static_cast<uint8_t>(number));
  return piece;
}

// How many pieces it could pass on.
size_t makeMany(size_t count, const TakePiece& take, Status& outcome) {
  for (size_t number = 0; number < count; ++number) {
    outcome = take(pieceOf(number));
    if (!outcome) return number;
  }
  return count;
}

const Error failure{ErrorCode::Malformed, "the taker", {}, 0};

}  // namespace

TEST_CASE("a relay brings every piece, in order") {
  size_t taken = 0;
  const Status outcome = relay(
      [](const TakePiece& take) {
        Status made = Done{};
        makeMany(5000, take, made);
        return made;
      },
      [&](auto piece) -> Status {
        const auto wanted = pieceOf(taken);
        if (!std::ranges::equal(piece, wanted)) return failure;
        ++taken;
        return Done{};
      });
  CHECK(outcome);
  CHECK(taken == 5000);
}

TEST_CASE("a relay ends soon after its taker has failed, with that failure") {
  size_t made = 0;
  const Status outcome = relay(
      [&](const TakePiece& take) -> Status {
        Status passed = Done{};
        made = makeMany(1'000'000, take, passed);
        return Error{ErrorCode::Truncated, "the maker", {}, 0};
      },
      [&](auto piece) -> Status { return piece[0] == 100 ? Status(failure) : Status(Done{}); });
  REQUIRE(!outcome);
  CHECK(outcome.error().message == "the taker");
  CHECK(made < 200);
}

TEST_CASE("a relay hands over what was made before its maker failed") {
  size_t taken = 0;
  const Status outcome = relay(
      [](const TakePiece& take) -> Status {
        Status passed = Done{};
        makeMany(10, take, passed);
        return Error{ErrorCode::Truncated, "the maker", {}, 0};
      },
      [&](auto) -> Status {
        ++taken;
        return Done{};
      });
  REQUIRE(!outcome);
  CHECK(outcome.error().message == "the maker");
  CHECK(taken == 10);
}

TEST_CASE("a relay throws here what either side has thrown") {
  size_t made = 0;
  const auto makeSome = [&](const TakePiece& take) {
    Status passed = Done{};
    made = makeMany(1'000'000, take, passed);
    return passed;
  };
  CHECK_THROWS_AS((void)relay(makeSome, [](auto) -> Status { throw std::bad_alloc(); }),
                  std::bad_alloc);
  CHECK(made < 200);
  CHECK_THROWS_AS((void)relay([](const TakePiece&) -> Status { throw std::bad_alloc(); },
                              [](auto) -> Status { return Done{}; }),
                  std::bad_alloc);
}
