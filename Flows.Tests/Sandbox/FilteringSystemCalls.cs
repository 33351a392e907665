using System.Runtime.InteropServices;
using Flows.Worker.Sandbox.SystemCalls;

namespace Flows.Tests.Sandbox;

/// <summary>The program that is made of the list, run by an interpreter over calls of every kind: what the kernel would do, without it.</summary>
public sealed class FilteringSystemCalls
{
    private const uint NotPermitted = FilterProgram.Fail | 1, NotThere = FilterProgram.Fail | 38, NoSuchFamily = FilterProgram.Fail | 97;
    private const uint Amd64 = 0xC000003E, Arm64 = 0xC00000B7, I386 = 0x40000003;

    [Theory]
    [InlineData(Amd64, 0, FilterProgram.Allow)] // read
    [InlineData(Amd64, 59, FilterProgram.Allow)] // execve
    [InlineData(Amd64, 101, NotPermitted)] // ptrace
    [InlineData(Amd64, 165, NotPermitted)] // mount
    [InlineData(Amd64, 250, NotPermitted)] // keyctl
    [InlineData(Amd64, 272, NotPermitted)] // unshare
    [InlineData(Amd64, 321, NotPermitted)] // bpf
    [InlineData(Amd64, 425, NotThere)] // io_uring_setup
    [InlineData(Amd64, 435, NotThere)] // clone3
    [InlineData(Amd64, 387, NotThere)] // a gap in the table
    [InlineData(Amd64, 5000, NotThere)] // a call that is not invented yet
    [InlineData(Amd64, 0x40000000, FilterProgram.Kill)] // x32
    [InlineData(Amd64, 0x40000000 + 101, FilterProgram.Kill)]
    [InlineData(Amd64, uint.MaxValue, FilterProgram.Kill)]
    [InlineData(I386, 0, FilterProgram.Kill)]
    [InlineData(Arm64, 63, FilterProgram.Kill)]
    public void A_call_on_x86_64_gets_its_verdict(uint architecture, long number, uint verdict) =>
        Assert.Equal(verdict, Run(Compile(Architecture.X64), architecture, (uint)number));

    [Theory]
    [InlineData(Arm64, 63, FilterProgram.Allow)] // read
    [InlineData(Arm64, 117, NotPermitted)] // ptrace
    [InlineData(Arm64, 101, FilterProgram.Allow)] // nanosleep, which is ptrace's number on the other one
    [InlineData(Arm64, 40, NotPermitted)] // mount
    [InlineData(Arm64, 435, NotThere)] // clone3
    [InlineData(Amd64, 0, FilterProgram.Kill)]
    public void A_call_on_aarch64_gets_its_verdict(uint architecture, long number, uint verdict) =>
        Assert.Equal(verdict, Run(Compile(Architecture.Arm64), architecture, (uint)number));

    [Theory]
    [InlineData(56, 0, 0x003D0F00, FilterProgram.Allow)] // clone, as pthread_create has it
    [InlineData(56, 0, 17, FilterProgram.Allow)] // as fork has it
    [InlineData(56, 0, 0x10000011, NotPermitted)] // a user namespace
    [InlineData(56, 0, 0x00020011, NotPermitted)] // mounts
    [InlineData(56, 0, 0x1_10000011, NotPermitted)] // the kernel does not look at the upper half either
    [InlineData(41, 0, 1, FilterProgram.Allow)] // socket: unix
    [InlineData(41, 0, 10, FilterProgram.Allow)]
    [InlineData(41, 0, 16, NoSuchFamily)] // netlink
    [InlineData(41, 0, 0x1_00000010, NoSuchFamily)]
    [InlineData(16, 1, 0x5401, FilterProgram.Allow)] // ioctl: TCGETS
    [InlineData(16, 1, 0x5412, NotPermitted)] // TIOCSTI
    [InlineData(16, 1, unchecked((long)0xFFFFFFFF_00005412), NotPermitted)]
    [InlineData(135, 0, 0xFFFFFFFF, FilterProgram.Allow)] // personality: asking
    [InlineData(135, 0, 0x0040000, NotPermitted)] // no random addresses
    [InlineData(133, 1, 0x11A4, FilterProgram.Allow)] // mknod: a pipe
    [InlineData(133, 1, 0x61A4, NotPermitted)] // a disk
    public void An_argument_decides(long number, int argument, long value, uint verdict)
    {
        var arguments = new ulong[6];
        arguments[argument] = (ulong)value;
        Assert.Equal(verdict, Run(Compile(Architecture.X64), Amd64, (uint)number, arguments));
    }

    [Theory]
    [InlineData(Architecture.X64, Amd64)]
    [InlineData(Architecture.Arm64, Arm64)]
    public void Every_call_of_the_list_is_found_and_no_other(Architecture architecture, uint number)
    {
        var program = Compile(architecture);
        var calls = SystemCallList.Load(architecture)!.Calls.ToDictionary(call => (uint)call.Number);
        Assert.True(calls.Count > 250);
        for (uint i = 0; i < 2000; i++)
        {
            var verdict = Run(program, number, i);
            if (!calls.TryGetValue(i, out var call))
                Assert.Equal(NotThere, verdict);
            else if (call.Rule is null)
                Assert.Equal(call.Error is { } error ? FilterProgram.Fail | (uint)error : FilterProgram.Allow, verdict);
            else
                Assert.Contains(verdict, new[] { FilterProgram.Allow, FilterProgram.Fail | (uint)call.Error! });
        }
    }

    [Theory]
    [InlineData("permit read 0 63", "line 1: 'permit read 0 63' is neither an allowed nor a denied call")]
    [InlineData("# a word\nallow read 0", "line 2: 'allow' or 'deny', a name and two numbers were expected")]
    [InlineData("deny read 0 63 EWHAT", "line 1: 'EWHAT' is not one of EPERM, ENOSYS, EAFNOSUPPORT")]
    [InlineData("allow read zero 63", "line 1: 'zero' is no number")]
    [InlineData("allow read 0 63\nallow write 0 64", "line 2: the number 0 is read's as well")]
    [InlineData("allow read 0 63 when arg9 in 1 else EPERM", "line 1: 'when arg9 in 1' is no condition such as 'when arg0 & 0xF in 1 2'")]
    [InlineData("allow read 0 63 when arg1 & 0xF in else EPERM", "line 1: 'when arg1 & 0xF in' is no condition such as 'when arg0 & 0xF in 1 2'")]
    public void A_line_that_cannot_be_read_is_named(string list, string message) =>
        Assert.Equal($"system-calls.txt, {message}.", Assert.Throws<FormatException>(() => SystemCallList.Parse(list, Architecture.X64)).Message);

    [Fact]
    public void An_architecture_without_numbers_has_no_list() => Assert.Null(SystemCallList.Load(Architecture.S390x));

    private static IReadOnlyList<FilterInstruction> Compile(Architecture architecture) => FilterProgram.Compile(SystemCallList.Load(architecture)!);

    // The kernel's machine, as far as the compiler uses it: one register, and jumps that only go forward.
    private static uint Run(IReadOnlyList<FilterInstruction> program, uint architecture, uint number, params ulong[] arguments)
    {
        uint register = 0;
        for (var at = 0; ; at++)
        {
            var (code, ifTrue, ifFalse, value) = program[at];
            switch (code)
            {
                case FilterProgram.Load:
                    register = value switch
                    {
                        FilterProgram.NumberAt => number,
                        FilterProgram.ArchitectureAt => architecture,
                        _ => (uint)arguments.ElementAtOrDefault((int)(value - FilterProgram.ArgumentsAt) / 8),
                    };
                    break;
                case FilterProgram.And: register &= value; break;
                case FilterProgram.Jump: at += (int)value; break;
                case FilterProgram.IfEqual: at += register == value ? ifTrue : ifFalse; break;
                case FilterProgram.IfAtLeast: at += register >= value ? ifTrue : ifFalse; break;
                case FilterProgram.Return: return value;
                default: throw new InvalidOperationException($"The kernel knows more than {code:x}, but the compiler does not.");
            }
        }
    }
}
