;; Which of many hashes of 256 bits differ from one in at most so many bits. A million take some three
;; milliseconds: the first half of most tells already, and is 16 MB.
;;
;; Memory: the one hash at 0 (32 bytes), the answer from 32 on, and blocks of hashes wherever `from` says: first
;; halves of 16 bytes one behind the other, and their second halves `toSecond` bytes behind them.
(module
  (memory (export "memory") 1)

  ;; How many bits of 16 bytes differ.
  (func $bits (param $at i32) (param $first i64) (param $second i64) (result i32)
    (i32.wrap_i64
      (i64.add
        (i64.popcnt (i64.xor (i64.load (local.get $at)) (local.get $first)))
        (i64.popcnt (i64.xor (i64.load offset=8 (local.get $at)) (local.get $second))))))

  ;; Writes where the first halves of those that are near stand, 4 bytes each; gives how many there are.
  (func (export "near")
    (param $from i32) (param $count i32) (param $toSecond i32) (param $bitsMax i32) (result i32)
    (local $a i64) (local $b i64) (local $c i64) (local $d i64)
    (local $end i32) (local $bits i32) (local $found i32)
    (local.set $a (i64.load (i32.const 0)))
    (local.set $b (i64.load (i32.const 8)))
    (local.set $c (i64.load (i32.const 16)))
    (local.set $d (i64.load (i32.const 24)))
    (local.set $end (i32.add (local.get $from) (i32.shl (local.get $count) (i32.const 4))))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $from) (local.get $end)))
        (local.set $bits (call $bits (local.get $from) (local.get $a) (local.get $b)))
        (if (i32.le_u (local.get $bits) (local.get $bitsMax))
          (then
            (local.set $bits
              (i32.add
                (local.get $bits)
                (call $bits
                  (i32.add (local.get $from) (local.get $toSecond))
                  (local.get $c)
                  (local.get $d))))
            (if (i32.le_u (local.get $bits) (local.get $bitsMax))
              (then
                (i32.store offset=32
                  (i32.shl (local.get $found) (i32.const 2))
                  (local.get $from))
                (local.set $found (i32.add (local.get $found) (i32.const 1)))))))
        (local.set $from (i32.add (local.get $from) (i32.const 16)))
        (br $next)))
    (local.get $found)))
